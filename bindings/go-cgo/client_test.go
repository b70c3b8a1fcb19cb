// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

func TestAForgottenClientIsClosedOnlyWhenNothingStands(t *testing.T) {
	name := lockOf(t)
	before := workers(t)
	var term *k8sleader.Term
	var work context.Context
	func() {
		client, err := k8sleader.NewClient(configOf(server))
		must(t, err)
		term = lead(t, stand(t, client, short(options(name, "a"))))
		work = term.Context()
	}()
	election := term.Election()
	done := election.Done()
	term = nil
	election = nil
	// Nobody has more than the context: that is work, and it is not to be ended. Longer than the lease.
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		runtime.GC()
		if work.Err() != nil {
			t.Fatal(context.Cause(work))
		}
	}
	if holder(t, name) != "a" {
		t.Fatal("it was given up under the work")
	}
	must(t, server.Steal(within(t), name, "thief"))
	await(t, "the loss", work.Done())
	_ = done
	leftBehind.Add(1)
	// One that has nothing that stands is closed.
	func() {
		client, err := k8sleader.NewClient(configOf(server))
		must(t, err)
		lead(t, stand(t, client, options(lockOf(t), "b"))).HandBack()
	}()
	awaitTrue(t, "the finalizer", func() bool {
		runtime.GC()
		return workers(t) <= before+1 // the first one still stands
	})
}

func TestShutdownDrainsAndCloseDoesNot(t *testing.T) {
	t.Parallel()
	first, second := lockOf(t), lockOf(t)
	client := newClient(t)
	term := lead(t, stand(t, client, options(first, "a")))
	soon, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := client.Shutdown(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown under the work: %v", err)
	}
	await(t, "the work's end", term.Done())
	term.HandBack()
	must(t, client.Shutdown(within(t)))
	await(t, "the client's end", client.Done())
	if holder(t, first) != "" {
		t.Error("it was not released")
	}
	if _, err := client.Stand(options(first, "a")); !errors.Is(err, k8sleader.ErrClosed) {
		t.Errorf("Stand after the end: %v", err)
	}

	must(t, newClient(t).Shutdown(within(t))) // of nothing

	client = newClient(t)
	term = lead(t, stand(t, client, options(second, "a")))
	must(t, client.Close())
	if term.Context().Err() == nil || term.IsLeader() || term.GraceLeft() == 0 {
		t.Error("the term goes on, or has no grace")
	}
	if holder(t, second) != "a" {
		t.Error("it was released under the work")
	}
	must(t, client.Close())
}

func TestCloseBesideEverything(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	for round := 0; round < 10; round++ {
		client := newClient(t)
		ctx, cancel := context.WithCancel(within(t))
		var users sync.WaitGroup
		for i := 0; i < 8; i++ {
			i := i
			users.Add(1)
			go func() {
				defer users.Done()
				for ctx.Err() == nil {
					election, err := client.Stand(options(fmt.Sprintf("%s-%d", name, i), "a"))
					if err != nil {
						return
					}
					stream := election.Events()
					if term, err := election.Wait(ctx); err == nil {
						term.IsLeader()
						term.TimeLeft()
						term.GraceLeft()
						election.Leader()
						term.HandBack()
					}
					election.Stop()
					stream.Close()
				}
			}()
		}
		time.Sleep(time.Duration(round) * 5 * time.Millisecond)
		must(t, client.Close())
		cancel()
		users.Wait()
	}
}

func TestLead(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	ctx := within(t)
	failure := errors.New("work")
	err := client.Lead(ctx, options(name, "a"), func(ctx context.Context, term *k8sleader.Term) error {
		if found, ok := k8sleader.TermOf(ctx); !ok || found != term || !term.IsLeader() {
			t.Error("no term")
		}
		return failure
	})
	if err != failure || holder(t, name) != "" {
		t.Errorf("%v, held by %q", err, holder(t, name))
	}
	err = client.Lead(ctx, options(name, "a"), func(ctx context.Context, _ *k8sleader.Term) error {
		must(t, server.Steal(within(t), name, "thief"))
		<-ctx.Done()
		return nil
	})
	var lost *k8sleader.LostError
	if !errors.As(err, &lost) {
		t.Errorf("after a loss: %v", err)
	}
	// A cancellation is a stop: who only asks the term ends, too, and the lock is held meanwhile.
	ends, end := context.WithCancel(ctx)
	must(t, client.Lead(ends, options(name, "a"), func(ctx context.Context, term *k8sleader.Term) error {
		end()
		awaitTrue(t, "the stop", func() bool { return !term.IsLeader() })
		if !term.MayFinish() || ctx.Err() == nil || holder(t, name) != "a" {
			t.Errorf("may finish %v, context %v, held by %q", term.MayFinish(), ctx.Err(), holder(t, name))
		}
		return nil
	}))
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
	func() {
		defer func() {
			if recover() != "work" || holder(t, name) != "" {
				t.Errorf("held by %q", holder(t, name))
			}
		}()
		_ = client.Lead(ctx, options(name, "a"), func(context.Context, *k8sleader.Term) error { panic("work") })
	}()
	leads := lead(t, stand(t, client, options(name, "b")))
	soon, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := client.Lead(soon, options(name, "a"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside a leader: %v", err)
	}
	leads.HandBack()
}

func TestEvents(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	all := client.Events()
	defer all.Close()
	election := stand(t, client, options(name, "a"))
	lead(t, election).HandBack()
	var types journal
	all.All(within(t))(func(event k8sleader.Event) bool {
		if event.Election != election || event.Lock != "default/"+name || time.Since(event.Time) > time.Hour {
			t.Errorf("%+v", event)
		}
		types.add(event.Type.String())
		return event.Type != k8sleader.EventClosed
	})
	if text := types.String(); text != "new_leader started_leading stopped_leading closed" && text != "started_leading new_leader stopped_leading closed" {
		t.Error(text)
	}
	if _, err := all.Next(within(t)); !errors.Is(err, k8sleader.ErrClosed) {
		t.Errorf("after All: %v", err)
	}
	if _, err := election.Events().Next(within(t)); !errors.Is(err, k8sleader.ErrClosed) {
		t.Errorf("of a closed election: %v", err)
	}
	abandoned := stand(t, client, options(lockOf(t), "a"))
	stream := abandoned.Events()
	abandoned.Abandon()
	for err := error(nil); !errors.Is(err, k8sleader.ErrClosed); _, err = stream.Next(within(t)) {
		must(t, err)
	}
	stream = newClient(t).Events()
	soon, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := stream.Next(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without events: %v", err)
	}
}

func TestTheLogGoesToSlog(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	var log lines
	config := configOf(server)
	config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	client := newClientOf(t, config)
	lead(t, stand(t, client, options(name, "a"))).HandBack()
	must(t, client.Shutdown(within(t)))
	if text := log.String(); !strings.Contains(text, "stopped leading") || !strings.Contains(text, "lock=default/"+name) || !strings.Contains(text, "level=INFO") {
		t.Error(text)
	}
}

func TestLocks(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	term := lead(t, stand(t, client, options(name, "a")))
	locks, err := client.Locks(within(t), k8sleader.LockQuery{Namespace: "default", Name: name})
	must(t, err)
	if len(locks) != 1 || locks[0].Holder != "a" || locks[0].LeaseDuration != 15*time.Second || time.Since(locks[0].Renewed) > time.Hour {
		t.Errorf("%+v", locks)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := client.Locks(cancelled, k8sleader.LockQuery{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	term.HandBack()
}

func TestErrors(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	client := newClient(t)
	for _, c := range []struct {
		options k8sleader.Options
		is      error
	}{
		{k8sleader.Options{Name: "No Name"}, k8sleader.ErrName},
		{k8sleader.Options{Name: "a\x00b"}, &k8sleader.Error{Code: k8sleader.CodeArgument}},
		{k8sleader.Options{Name: "a", Namespace: "No Namespace"}, k8sleader.ErrNamespace},
		{k8sleader.Options{Name: "a", Identity: strings.Repeat("x", 300)}, k8sleader.ErrIdentity},
		{k8sleader.Options{Name: "a", LeaseDuration: time.Second}, k8sleader.ErrDuration},
		{k8sleader.Options{Name: "a", RetryPeriod: -1}, k8sleader.ErrDuration},
		{k8sleader.Options{Name: "a", LockResource: "pods"}, &k8sleader.Error{Code: k8sleader.CodeArgument}},
	} {
		if _, err := client.Stand(c.options); !errors.Is(err, c.is) {
			t.Errorf("%+v: %v, not %v", c.options, err, c.is)
		}
	}
	if _, err := k8sleader.NewClient(k8sleader.ClientConfig{Kubeconfig: "/no/such/file"}); !errors.Is(err, k8sleader.ErrFile) {
		t.Errorf("no kubeconfig: %v", err)
	}
	broken := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, os.WriteFile(broken, []byte("{"), 0o600))
	if _, err := k8sleader.NewClient(k8sleader.ClientConfig{Kubeconfig: broken}); !errors.Is(err, k8sleader.ErrConfig) {
		t.Errorf("a broken kubeconfig: %v", err)
	}
	for _, wrong := range []struct {
		config k8sleader.ClientConfig
		says   string
	}{
		{k8sleader.ClientConfig{Server: "127.0.0.1:6443"}, "put https:// before it"},
		{k8sleader.ClientConfig{Server: "https://a", CAData: []byte("x")}, "authorities: holds no certificate"},
		{k8sleader.ClientConfig{Server: "https://a", CertData: []byte("x"), KeyData: []byte("y")}, "client certificate: holds no"},
	} {
		_, err := k8sleader.NewClient(wrong.config)
		if !errors.Is(err, k8sleader.ErrConfig) || !strings.Contains(err.Error(), wrong.says) {
			t.Errorf("%q was wanted in %v", wrong.says, err)
		}
	}
	if _, err := k8sleader.NewClient(k8sleader.ClientConfig{InCluster: true}); !errors.Is(err, k8sleader.ErrNoConfig) {
		t.Errorf("no cluster: %v", err)
	}

	nobody := newClientOf(t, k8sleader.ClientConfig{Server: "http://127.0.0.1:1", Logger: quiet()})
	_, err := nobody.Locks(ctx, k8sleader.LockQuery{Namespace: "default"})
	var e *k8sleader.Error
	if !errors.As(err, &e) || !errors.Is(err, k8sleader.ErrConnect) || !e.Retriable || e.HTTPStatus != 0 {
		t.Errorf("unreachable: %v", err)
	}
	stream := nobody.Events()
	stand(t, nobody, k8sleader.Options{Name: "a", Namespace: "default"})
	if event, err := stream.Next(ctx); err != nil || event.Type != k8sleader.EventError || !errors.Is(event.Err, k8sleader.ErrConnect) {
		t.Errorf("unreachable: %+v, %v", event, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	embedded(t)
	ctx := within(t)
	token, err := server.User(ctx, "limited")
	must(t, err)
	limited := newClientOf(t, k8sleader.ClientConfig{Server: server.URL, CAData: server.CA, Token: token, Logger: quiet()})
	_, err = limited.Locks(ctx, k8sleader.LockQuery{Namespace: "default", Name: "a"})
	var e *k8sleader.Error
	if !errors.As(err, &e) || !errors.Is(err, k8sleader.ErrForbidden) || e.HTTPStatus != 403 || e.Message == "" {
		t.Errorf("forbidden: %v", err)
	}
	events := limited.Events()
	stand(t, limited, k8sleader.Options{Name: "a", Namespace: "default"})
	for {
		event, err := events.Next(ctx)
		must(t, err)
		if event.Type == k8sleader.EventError && errors.Is(event.Err, k8sleader.ErrForbidden) {
			break // behind that of the watch, perhaps
		}
	}
	wrong := newClientOf(t, k8sleader.ClientConfig{Server: server.URL, CAData: server.CA, Token: "wrong", Logger: quiet()})
	if _, err = wrong.Locks(ctx, k8sleader.LockQuery{Namespace: "default"}); !errors.Is(err, k8sleader.ErrUnauthorized) {
		t.Errorf("unauthorized: %v", err)
	}
}
