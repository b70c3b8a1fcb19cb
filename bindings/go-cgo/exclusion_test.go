// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

// Candidates that work, hand over and come again, by each of the ways to lead: no two work at once, and tokens grow.
func TestOneWorksAtATime(t *testing.T) {
	t.Parallel()
	const candidates, terms = 6, 20
	name := lockOf(t)
	ctx := within(t)
	var inside, led atomic.Int64
	var lastToken uint64
	var guard sync.Mutex // for the race detector, which can't see what the API server orders
	work := func(term *k8sleader.Term) {
		if now := inside.Add(1); now != 1 {
			t.Errorf("%d work at once", now)
		}
		token, err := term.FencingToken()
		guard.Lock()
		if err != nil || token <= lastToken {
			t.Errorf("token %d after %d: %v", token, lastToken, err)
		}
		lastToken = token
		guard.Unlock()
		if !term.IsLeader() && !term.MayFinish() {
			t.Error("it works without the lock")
		}
		led.Add(1)
		inside.Add(-1)
	}
	byCallbacks := func(client *k8sleader.Client, identity string) error {
		run, cancel := context.WithCancel(ctx)
		defer cancel()
		elector, err := k8sleader.New(k8sleader.Config{
			Client: client, Name: name, Identity: identity, ReleaseOnCancel: true,
			Callbacks: k8sleader.Callbacks{
				OnStartedLeading: func(ctx context.Context) {
					term, _ := k8sleader.TermOf(ctx)
					cancel()
					<-ctx.Done()
					work(term)
				},
				OnStoppedLeading: func() {},
			},
		})
		if err != nil {
			return err
		}
		return elector.Run(run)
	}
	byFunction := func(client *k8sleader.Client, identity string) error {
		return client.Lead(ctx, options(name, identity), func(_ context.Context, term *k8sleader.Term) error {
			work(term)
			return nil
		})
	}
	byHand := func(client *k8sleader.Client, identity string) error {
		election, err := client.Stand(options(name, identity))
		if err != nil {
			return err
		}
		term, err := election.Wait(ctx)
		if err != nil {
			return err
		}
		work(term)
		term.HandBack()
		return election.Shutdown(ctx)
	}
	ways := []func(*k8sleader.Client, string) error{byCallbacks, byFunction, byHand}
	var running sync.WaitGroup
	for i := 0; i < candidates; i++ {
		way, client, identity := ways[i%len(ways)], newClient(t), fmt.Sprint("candidate-", i)
		running.Add(1)
		go func() {
			defer running.Done()
			for n := 0; n < terms; n++ {
				if err := way(client, identity); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	running.Wait()
	if led.Load() != candidates*terms {
		t.Errorf("%d terms", led.Load())
	}
}
