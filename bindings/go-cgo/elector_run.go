// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package k8sleader

import (
	"context"
	"errors"
	"runtime/debug"
	"time"
)

// electorRun is one Run: one election, one term at most.
type electorRun struct {
	elector   *Elector
	client    *Client
	ownClient bool
	election  *Election
	term      *Term
	work      *work
	news      *news
}

// work is OnStartedLeading on its goroutine.
type work struct {
	cancel    context.CancelFunc
	ended     chan struct{}
	cancelled bool // Run's context had ended when it returned
	panicked  bool
	value     any // of the panic
}

var errPanicked = errors.New("a callback panicked")

func (r *electorRun) startWork(run context.Context) *work {
	ctx, cancel := r.term.contextOf(run)
	w := &work{cancel: cancel, ended: make(chan struct{})}
	function := r.elector.config.Callbacks.OnStartedLeading
	go func() {
		defer close(w.ended)
		defer func() { w.cancelled = run.Err() != nil }()
		w.panicked = true
		defer func() {
			// nil: it returned, or it ended its goroutine.
			if w.value = recover(); w.value == nil {
				w.panicked = false
				return
			}
			// It goes on elsewhere, where this is not seen any more.
			r.client.core.logs.logger.Error("OnStartedLeading panicked", "panic", w.value, "stack", string(debug.Stack()))
		}()
		function(ctx)
	}()
	return w
}

func (w *work) hasEnded() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

func (r *electorRun) do(ctx context.Context) error {
	config := &r.elector.config
	election, err := r.client.Stand(config.options())
	if err != nil {
		r.leave()
		return err
	}
	r.election = election
	r.elector.election.Store(election)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.news = startNews(election, config.Callbacks.OnNewLeader, func() { cancel(errPanicked) })

	term, err := election.Wait(ctx)
	if err != nil {
		election.giveUp()
		r.leave()
		if ctx.Err() != nil {
			return nil
		}
		return err // the client was closed
	}
	r.term = term
	r.work = r.startWork(ctx)
	r.elector.current.Store(r)
	return r.lead(ctx)
}

// lead is the rest of a run, from the start of the work on.
func (r *electorRun) lead(ctx context.Context) error {
	defer r.leave() // also when OnStoppedLeading panics; goes on with a panic of the work
	config := &r.elector.config
	release := r.awaitEnd(ctx)
	lost := r.term.settle()
	switch {
	case lost: // somebody else may lead already
		r.work.cancel()
		config.Callbacks.OnStoppedLeading()
		r.awaitWork(r.term.GraceLeft())
	case config.ReturnKeepsLeading:
		r.work.cancel()
		config.Callbacks.OnStoppedLeading()
		lost = r.term.isLost()
		r.giveBack(release)
	default:
		r.giveBack(release)
		config.Callbacks.OnStoppedLeading()
	}
	if lost {
		return r.term.Err()
	}
	return nil
}

// awaitEnd returns when the work has ended and is to be given back (and whether by a release), or when the lock is lost.
func (r *electorRun) awaitEnd(ctx context.Context) (release bool) {
	config := &r.elector.config
	select {
	case <-r.work.ended:
		if config.ReturnKeepsLeading && !r.work.panicked {
			select {
			case <-ctx.Done():
			case <-r.term.Done():
			}
		}
	case <-ctx.Done():
	case <-r.term.Done():
	}
	cancelled := ctx.Err() != nil && context.Cause(ctx) != errPanicked
	if !config.ReturnKeepsLeading && r.work.hasEnded() && !r.work.cancelled {
		cancelled = false // it has ended by itself
	}
	r.election.Stop()
	select {
	case <-r.work.ended:
	case <-r.term.Lost():
	}
	return !cancelled || config.ReleaseOnCancel
}

func (r *electorRun) awaitWork(patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-r.work.ended:
	case <-timer.C:
	}
}

// giveBack is for when no work is left.
func (r *electorRun) giveBack(release bool) {
	if !release {
		r.election.Abandon()
		return
	}
	r.term.HandBack()
	r.election.awaitRelease()
}

// leave cleans up; when the work still runs, after that. Only then may another Run begin. A callback's panic goes on here, or
// on a goroutine where nobody is left to hear of it.
func (r *electorRun) leave() {
	if r.work == nil || r.work.hasEnded() {
		r.clear()
		return
	}
	go func() {
		<-r.work.ended
		r.clear()
	}()
}

func (r *electorRun) clear() {
	elector := r.elector
	if r.work != nil {
		r.work.cancel()
	}
	if r.term != nil && !r.election.isClosed() {
		r.term.HandBack()
		r.election.awaitRelease()
	}
	if r.news != nil {
		r.news.end()
	}
	elector.current.CompareAndSwap(r, nil)
	if r.ownClient {
		_ = r.client.Close()
	}
	<-elector.slot
	if r.work != nil && r.work.panicked {
		panic(r.work.value)
	}
	if r.news != nil {
		r.news.rethrow()
	}
}
