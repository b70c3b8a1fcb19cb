// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Term is one term of leadership; it is over once and for ever. Any goroutine may use it.
//
// IsLeader, MayFinish, TimeLeft and GraceLeft answer at once, by the library's clock, and also when this process was frozen
// meanwhile. Done and Context are signalled by a goroutine that heard of the end, which is a little later: wait for
// them, and ask IsLeader before each piece of work. Since 1.0.
type Term struct {
	election *Election
	token    uint64
	numbered bool // token tells the term from others
	skipped  bool

	// Whatever the library says, true only takes leadership away, and for good.
	ended atomic.Bool // to end or ended; may still be held
	given atomic.Bool // handed back, lost or abandoned; not held for this term any more

	ctx    context.Context
	cancel context.CancelCauseFunc
	lost   chan struct{}

	mu         sync.Mutex
	reason     Reason
	stop       error // it was asked for
	loss       error // comes before that
	graceEnd   int64 // when guarded work must have ended, on the library's clock in ms; set with a loss
	graceKnown bool
	handedBack bool
}

func newTerm(election *Election, token uint64, skipped bool) *Term {
	t := &Term{election: election, token: token, numbered: token != 0, skipped: skipped, lost: make(chan struct{})}
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	return t
}

// Lock is "namespace/name".
func (t *Term) Lock() string { return t.election.lock }

// Identity is who we are.
func (t *Term) Identity() string { return t.election.identity }

// Election is whose term it is.
func (t *Term) Election() *Election { return t.election }

// Skipped says that there was no election: leader-for-life outside a cluster.
func (t *Term) Skipped() bool { return t.skipped }

// IsLeader says whether new work may be started: by the clock, false from the renew deadline on, and from a stop on.
func (t *Term) IsLeader() bool {
	if t.ended.Load() || t.given.Load() || !t.election.refs.acquire() {
		return false
	}
	defer t.election.release()
	if t.numbered {
		return C.k8sleader_election_holds(t.election.ptr, C.uint64_t(t.token)) != 0
	}
	// Asked again: without a number the answer may be about a term that began since.
	return C.k8sleader_election_is_leader(t.election.ptr) != 0 && !t.ended.Load() && !t.given.Load()
}

// MayFinish says whether work that was begun may be finished: while the lock is held, by the clock, also after a stop.
func (t *Term) MayFinish() bool {
	if t.given.Load() || !t.election.refs.acquire() {
		return false
	}
	defer t.election.release()
	if t.numbered {
		return C.k8sleader_election_may_finish(t.election.ptr, C.uint64_t(t.token)) != 0 && !t.given.Load()
	}
	return C.k8sleader_election_time_left_ms(t.election.ptr) > 0 && !t.given.Load()
}

// TimeLeft is the time until the renew deadline, while the lock is held, also after a stop; else 0. In leader-for-life,
// which has no deadline, the longest Duration there is.
func (t *Term) TimeLeft() time.Duration {
	if !t.election.refs.acquire() {
		return 0
	}
	left := duration(C.k8sleader_election_time_left_ms(t.election.ptr))
	t.election.release()
	// Asked behind it: what was read is then this term's.
	if !t.MayFinish() {
		return 0
	}
	return left
}

// GraceLeft is the time until guarded work must have ended: it goes on after a loss. 0 once the term was handed back.
func (t *Term) GraceLeft() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.handedBack {
		return 0
	}
	if t.graceKnown {
		return max(duration(C.int64_t(t.graceEnd)-C.go_boottime_ms()), 0)
	}
	return t.askGrace()
}

func (t *Term) askGrace() time.Duration {
	if !t.election.refs.acquire() {
		return 0
	}
	defer t.election.release()
	return duration(C.k8sleader_election_grace_left_ms(t.election.ptr))
}

// keepGrace is called with the mutex held, at a loss: from then on the end of the grace stands, and soon nobody may be
// there to be asked.
func (t *Term) keepGrace() {
	if t.graceKnown {
		return
	}
	left := t.askGrace()
	t.graceKnown = true
	t.graceEnd = math.MaxInt64
	if left != math.MaxInt64 {
		t.graceEnd = int64(C.go_boottime_ms()) + left.Milliseconds()
	}
}

// overdue says for how long guarded work should have ended; 0 while nothing was heard of a loss.
func (t *Term) overdue() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.loss == nil || t.handedBack || !t.graceKnown || t.graceEnd == math.MaxInt64 {
		return 0
	}
	return duration(C.go_boottime_ms() - C.int64_t(t.graceEnd))
}

func duration(ms C.int64_t) time.Duration {
	if int64(ms) > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return max(time.Duration(ms), 0) * time.Millisecond
}

// FencingToken grows with every acquisition of the lock: hand it to whatever you write to, and let that refuse smaller
// ones. 0 for a term that was skipped. Error: ErrFencingToken when the server's resource versions are no numbers.
func (t *Term) FencingToken() (uint64, error) {
	if !t.numbered && !t.skipped {
		return 0, &Error{Code: CodeFencingToken,
			Message: "the server's resourceVersion is no 64-bit number: there is no fencing token for " + t.Lock()}
	}
	return t.token, nil
}

// Context is cancelled when the work is to end: a stop was asked for, or the lock is lost. context.Cause tells which: a
// *StopError or a *LostError.
func (t *Term) Context() context.Context { return t.ctx }

// Done is closed when the work is to end.
func (t *Term) Done() <-chan struct{} { return t.ctx.Done() }

// Lost is closed when the lock is not held any more: at once in a loss, and when it is lost while the work ends after a
// stop. Not by a hand-back.
func (t *Term) Lost() <-chan struct{} { return t.lost }

func (t *Term) isLost() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.loss != nil
}

// Err is nil while nothing was heard of an end, then a *StopError, and a *LostError once the lock was lost.
func (t *Term) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.loss != nil {
		return t.loss
	}
	return t.stop
}

// Reason says why it ended or is to end; ReasonNone while nothing was heard of an end.
func (t *Term) Reason() Reason {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reason
}

// Stop asks the work to end: see Election.Stop. Returns at once.
func (t *Term) Stop() { t.election.Stop() }

// HandBack says that the work of this term has ended, all of it, and returns at once. Before any stop it ends the
// candidacy, too. After a stop the lock is released now; after a loss the election stands again, unless Options.Once.
// Await Election.Done to know that a release has come through. Again is fine.
func (t *Term) HandBack() {
	why := &StopError{Lock: t.Lock()}
	t.mu.Lock()
	again := t.handedBack
	t.handedBack = true
	if t.stop == nil {
		t.stop = why
	}
	t.mu.Unlock()
	// Once only: without a number the library could take a second one for that of a later term.
	if again {
		return
	}
	if t.IsLeader() {
		t.election.Stop()
	}
	// Before anybody else can lead.
	t.given.Store(true)
	t.cancel(why)
	t.election.drained(t.token)
}

// end is what the client's goroutine heard.
func (t *Term) end(reason Reason) {
	t.ended.Store(true)
	if reason != ReasonStop {
		t.lose(reason, &LostError{Lock: t.Lock(), Reason: reason})
		return
	}
	why := &StopError{Lock: t.Lock()}
	t.mu.Lock()
	t.reason = reason
	t.stop = why
	t.mu.Unlock()
	t.cancel(why)
}

// lose notes a loss, also one while the work ends after a stop. Who sees the context's end finds out why, and who sees that
// it is lost finds the context's cause.
func (t *Term) lose(reason Reason, why error) {
	t.mu.Lock()
	t.reason = reason
	first := t.loss == nil && !t.handedBack
	if first {
		t.keepGrace()
		t.loss = why
		t.given.Store(true)
	}
	t.mu.Unlock()
	t.cancel(why)
	if first {
		close(t.lost)
	}
}

// abandon is the end of an election whose object is about to be freed: from here on nobody can be asked.
func (t *Term) abandon(why error) {
	t.ended.Store(true)
	t.mu.Lock()
	reason := t.reason
	t.mu.Unlock()
	t.lose(reason, why)
}
