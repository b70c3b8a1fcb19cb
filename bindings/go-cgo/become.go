// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package k8sleader

import (
	"context"
	"log/slog"
	"sync"
)

// Become waits until this Pod is the leader for life of the lock, as operator-lib's leader.Become does, on the same object:
// a ConfigMap that the Pod owns until it is gone. POD_NAME, POD_UID and POD_NAMESPACE come from the downward API. Outside a
// cluster there is no election, and it returns at once.
//
// Better than there: a successor is found within milliseconds, an owner's Pod that still ends is waited for, and an error
// that waiting does not mend is returned. Should the lock be taken away by hand, that is logged as an error; to end the work
// then, use Client.Become, whose Term hears of it.
//
// Errors: ctx's; ErrNoPod, ErrPodEnding, ErrForeignLock, ErrForbidden and others that are not retriable.
func Become(ctx context.Context, lock string) error {
	client, err := NewClient(ClientConfig{})
	if err != nil {
		return err
	}
	term, err := client.Become(ctx, lock)
	if err != nil {
		_ = client.Close()
		return err
	}
	life.Lock()
	defer life.Unlock()
	life.terms = append(life.terms, term)
	go func() {
		<-term.Done()
		slog.Error("k8sleader: leader for life no more", "lock", term.Lock(), "error", term.Err())
	}()
	return nil
}

// For the process's life: a leader's client is never forgotten.
var life struct {
	sync.Mutex
	terms []*Term
}

// Become is the function of that name, and gives the Term, which hears of a loss. The lock is never given back while the
// Pod lives.
func (c *Client) Become(ctx context.Context, lock string) (*Term, error) {
	election, err := c.Stand(Options{Name: lock, ForLife: true})
	if err != nil {
		return nil, err
	}
	term, err := election.waitForLife(ctx)
	if err != nil {
		election.Abandon()
		return nil, err
	}
	return term, nil
}

// waitForLife is Wait that ends at an error which waiting does not mend.
func (e *Election) waitForLife(ctx context.Context) (*Term, error) {
	for {
		e.mu.Lock()
		changed, over, lasting := e.changed, e.over, e.lasting
		term := e.term
		if term != nil && !e.taken && !over && term.IsLeader() {
			e.taken = true
			e.mu.Unlock()
			return term, nil
		}
		e.mu.Unlock()
		switch {
		case over:
			return nil, ErrClosed
		case lasting != nil:
			return nil, lasting
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
