// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package k8sleader

import (
	"context"
	"time"
)

// How long is waited for the answer to a release. It is written at once; this only bounds a dead network.
const releasePatience = 5 * time.Second

// Lead waits until it leads, calls work, and gives the lock back when that has returned or panicked.
//
// The context of work is ctx's child, and cancelled when the lock is lost; context.Cause then gives a *LostError. When ctx
// is cancelled that is a stop: IsLeader is false, and the lock is held and renewed until work returns. Goroutines that work
// has started are not awaited: let them end first.
//
// Returns work's error; a *LostError when that is nil and the lock was lost meanwhile; or why it never led: ctx's error, or
// one about the options.
func (c *Client) Lead(ctx context.Context, options Options, work func(ctx context.Context, term *Term) error) error {
	options.Once = true
	election, err := c.Stand(options)
	if err != nil {
		return err
	}
	term, err := election.Wait(ctx)
	if err != nil {
		election.giveUp()
		return err
	}
	defer func() {
		term.HandBack()
		election.awaitRelease()
	}()
	// So that who asks IsLeader alone hears of it, too.
	defer context.AfterFunc(ctx, election.Stop)()
	workCtx, cancel := term.contextOf(ctx)
	defer cancel()
	err = work(workCtx, term)
	if err == nil && term.settle() {
		return term.Err()
	}
	return err
}

// settle says whether the term was lost, before it is handed back. By the clock it may be over already, and the client's
// goroutine not have heard of it: a process that was frozen wakes up so. That is waited for; the library is about to say it.
func (t *Term) settle() (lost bool) {
	// In this order: what another goroutine hands back in between is not held any more either, and known to be given.
	if !t.MayFinish() && !t.given.Load() {
		timer := time.NewTimer(releasePatience)
		defer timer.Stop()
		select {
		case <-t.lost:
		case <-timer.C:
		}
	}
	return t.isLost()
}

// giveUp ends an election whose term nobody has got.
func (e *Election) giveUp() {
	e.Stop()
	e.awaitRelease()
}

// awaitRelease waits for the end, within bounds, and says whether it came.
func (e *Election) awaitRelease() bool {
	timer := time.NewTimer(releasePatience)
	defer timer.Stop()
	select {
	case <-e.closed:
		return true
	case <-timer.C:
		e.core.logs.logger.Warn("no answer to the release in time: the lock may have to run out", "lock", e.lock)
		return false
	}
}

type termKey struct{}

// TermOf gives the term that a context is about: in Lead's work and in OnStartedLeading.
func TermOf(ctx context.Context) (*Term, bool) {
	term, ok := ctx.Value(termKey{}).(*Term)
	return term, ok
}

// contextOf gives a child of ctx that also ends with the term.
func (t *Term) contextOf(ctx context.Context) (context.Context, context.CancelFunc) {
	child, cancel := context.WithCancelCause(context.WithValue(ctx, termKey{}, t))
	unhook := context.AfterFunc(t.ctx, func() { cancel(context.Cause(t.ctx)) })
	return child, func() {
		unhook()
		// The term's own reason, where the hook has not run yet; else nil, which is context.Canceled.
		cancel(context.Cause(t.ctx))
	}
}
