// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

// Every call that can wait ends with its context, also while the server does not answer at all.
func TestEveryCallThatWaitsEndsWithItsContext(t *testing.T) {
	// It takes connections, and says nothing.
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = deaf.Close() })
	silent := k8sleader.ClientConfig{Server: "http://" + deaf.Addr().String(), Logger: quiet()}
	t.Setenv("POD_NAME", "none")
	t.Setenv("POD_UID", "0")
	t.Setenv("POD_NAMESPACE", "default")

	name := lockOf(t)
	leader := lead(t, stand(t, newClient(t), options(name, "leader")))
	defer leader.HandBack()
	beside := newClient(t)
	election := stand(t, beside, options(name, "standby"))
	defer election.Stop()
	term := lead(t, stand(t, newClient(t), options(lockOf(t), "busy")))
	defer term.HandBack()
	nothing := func(context.Context, *k8sleader.Term) error {
		t.Error("it worked")
		return nil
	}
	config := configFor(name, "elector")
	config.Client = beside
	idle := newCandidate(t, config, untilCancelled)
	config.Client = newClientOf(t, silent)
	cutOff := newCandidate(t, config, untilCancelled)
	own := newClient(t)
	defer own.Close()
	events := own.Events()

	for what, call := range map[string]func(context.Context) error{
		"Election.Wait": func(ctx context.Context) error { _, err := election.Wait(ctx); return err },
		"Election.Wait, deaf server": func(ctx context.Context) error {
			e := stand(t, newClientOf(t, silent), k8sleader.Options{Name: name, Namespace: "default"})
			_, err := e.Wait(ctx)
			return err
		},
		"Election.Shutdown": func(ctx context.Context) error { return term.Election().Shutdown(ctx) },
		"Client.Shutdown": func(ctx context.Context) error {
			client := newClient(t)
			defer client.Close()
			lead(t, stand(t, client, options(lockOf(t), "a")))
			return client.Shutdown(ctx)
		},
		"Client.Lead": func(ctx context.Context) error { return beside.Lead(ctx, options(name, "b"), nothing) },
		"Client.Become": func(ctx context.Context) error {
			_, err := newClientOf(t, silent).Become(ctx, name)
			return err
		},
		"Client.Locks": func(ctx context.Context) error {
			_, err := newClientOf(t, silent).Locks(ctx, k8sleader.LockQuery{Namespace: "default"})
			return err
		},
		"EventStream.Next": func(ctx context.Context) error { _, err := events.Next(ctx); return err },
		"EventStream.All": func(ctx context.Context) error {
			election.Events().All(ctx)(func(k8sleader.Event) bool { return true })
			return ctx.Err()
		},
		// As client-go's, these have no error for that.
		"Elector.Run":              func(ctx context.Context) error { return errors.Join(idle.Run(ctx), ctx.Err()) },
		"Elector.Run, deaf server": func(ctx context.Context) error { return errors.Join(cutOff.Run(ctx), ctx.Err()) },
		"RunOrDie": func(ctx context.Context) error {
			config := configFor(name, "or-die")
			config.Client = beside
			config.Callbacks = k8sleader.Callbacks{OnStartedLeading: untilCancelled, OnStoppedLeading: func() {}}
			k8sleader.RunOrDie(ctx, config)
			return ctx.Err()
		},
		"Become": func(ctx context.Context) error {
			t.Setenv("KUBECONFIG", server.Kubeconfig)
			newPod(t, lockOf(t))
			return k8sleader.Become(ctx, name+"-life")
		},
	} {
		what, call := what, call
		t.Run(what, func(t *testing.T) {
			if what == "Become" {
				other := newClient(t)
				newPod(t, lockOf(t))
				_, err := other.Become(within(t), name+"-life")
				must(t, err)
			}
			for _, before := range []time.Duration{0, 100 * time.Millisecond} {
				ctx, cancel := context.WithCancel(context.Background())
				var cancelled time.Time
				end := func() {
					cancelled = time.Now()
					cancel()
				}
				var timer *time.Timer
				if before == 0 {
					end()
				} else {
					timer = time.AfterFunc(before, end)
				}
				if err := call(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled after %v: %v", before, err)
				}
				if timer != nil && timer.Stop() {
					t.Error("it did not wait")
				}
				if took := time.Since(cancelled); took > releasedWithin {
					t.Errorf("cancelled after %v, it went on for %v", before, took)
				}
				cancel()
			}
		})
	}
}

// releasedWithin is beyond what a release may take that gets no answer.
const releasedWithin = 8 * time.Second
