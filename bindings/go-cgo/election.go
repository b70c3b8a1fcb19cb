// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"context"
	"sync"
	"unsafe"
)

// Election is one candidate for one lock; it stands until it is stopped. Any goroutine may use it. Since 1.0.
type Election struct {
	client *Client // so that it is not forgotten while this stands
	core   *core
	id     uintptr
	refs   refs
	ptr    *C.k8sleader_election

	lock, identity string
	closed         chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, when anything below changes
	term    *Term         // the last that began
	taken   bool          // it was given to somebody, whose work has to be awaited
	leader  string        // the last that was heard of
	lasting error         // the last error that waiting does not mend
	over    bool
}

// Stand begins an election and returns at once. Errors are about the options; what goes wrong later comes as events and
// in the log.
func (c *Client) Stand(options Options) (*Election, error) {
	made, err := options.make()
	if err != nil {
		return nil, err
	}
	defer C.k8sleader_options_free(made)
	return c.core.start(c, made)
}

func newElection(client *Client, id uintptr, ptr *C.k8sleader_election) *Election {
	e := &Election{client: client, core: client.core, id: id, ptr: ptr,
		lock: C.GoString(C.k8sleader_election_lock(ptr)), identity: C.GoString(C.k8sleader_election_identity(ptr)),
		closed: make(chan struct{}), changed: make(chan struct{})}
	e.refs.init()
	return e
}

// Lock is "namespace/name".
func (e *Election) Lock() string { return e.lock }

// Identity is who we are.
func (e *Election) Identity() string { return e.identity }

// IsLeader says whether new work may be started. By the clock: false from the renew deadline and from a stop on, whether or
// not anybody has heard of it yet.
func (e *Election) IsLeader() bool {
	if !e.refs.acquire() {
		return false
	}
	defer e.release()
	return C.k8sleader_election_is_leader(e.ptr) != 0
}

// Leader is the identity of the last known leader, perhaps our own; "" for none.
func (e *Election) Leader() string {
	if !e.refs.acquire() {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.leader
	}
	defer e.release()
	// The library says that we lead a moment before it says who leads.
	if C.k8sleader_election_is_leader(e.ptr) != 0 {
		return e.identity
	}
	var buffer [256]C.char // an identity has 255 bytes at most
	C.k8sleader_election_leader(e.ptr, &buffer[0], C.size_t(unsafe.Sizeof(buffer)))
	return C.GoString(&buffer[0])
}

// Wait waits until it leads, and gives the term. From then on somebody has to say when the term's work has ended: with
// Term.HandBack. A term that is over before anybody waited for it is handed back by itself. When ctx ends, the election
// goes on: Stop it if nobody is to wait again.
//
// Errors: ctx's, and ErrClosed when the election has ended.
func (e *Election) Wait(ctx context.Context) (*Term, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e.mu.Lock()
		changed := e.changed
		over := e.over
		if term := e.term; term != nil && !e.taken && !over && term.IsLeader() {
			e.taken = true
			e.mu.Unlock()
			return term, nil
		}
		e.mu.Unlock()
		if over {
			return nil, ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// Stop ends the candidacy and returns at once. A standby ends. Leading, the term's context is cancelled, while the lock is
// still held and renewed; it is released when the work was handed back. Again is fine.
func (e *Election) Stop() {
	if e.refs.acquire() {
		C.k8sleader_election_stop(e.ptr)
		e.release()
	}
}

// Done is closed when the election has ended, and with it a release.
func (e *Election) Done() <-chan struct{} { return e.closed }

// Shutdown stops and waits for the end. When ctx ends first, its error is returned and the election goes on ending.
func (e *Election) Shutdown(ctx context.Context) error {
	e.Stop()
	select {
	case <-e.closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Abandon ends the election now, without a release: the context of its term is cancelled, renewals end, the lock runs out.
// For work that can't be ended or waited for. What was handed back already is released all the same. Again is fine.
func (e *Election) Abandon() {
	e.core.forget(e.id)
	e.close(&LostError{Lock: e.lock})
	e.core.endStreams(e)
}

func (e *Election) release() {
	if e.refs.release() {
		C.k8sleader_election_free(e.ptr)
	}
}

func (e *Election) isClosed() bool {
	select {
	case <-e.closed:
		return true
	default:
		return false
	}
}

// close is the end: of a term that was not over the contexts first, then the library's object.
func (e *Election) close(why error) {
	e.mu.Lock()
	if e.over {
		e.mu.Unlock()
		return
	}
	e.over = true
	term := e.term
	e.mu.Unlock()
	if term != nil {
		term.abandon(why)
	}
	e.release()
	close(e.closed)
	e.mu.Lock()
	e.broadcast()
	e.mu.Unlock()
}

// broadcast is called with the mutex held.
func (e *Election) broadcast() {
	close(e.changed)
	e.changed = make(chan struct{})
}

// note is what the client's goroutine does with an event.
func (e *Election) note(event Event) {
	switch event.Type {
	case EventStartedLeading:
		e.begin(newTerm(e, event.Token, event.Skipped))
	case EventStoppedLeading:
		e.end(event)
	case EventLostDuringDrain:
		if term := e.last(); term != nil {
			term.lose(event.Reason, &LostError{Lock: e.lock, Reason: event.Reason})
		}
	case EventNewLeader, EventError:
		e.mu.Lock()
		if event.Type == EventNewLeader {
			e.leader = event.Leader
		} else if failure, ok := event.Err.(*Error); ok && !failure.Retriable {
			e.lasting = failure
		}
		e.broadcast()
		e.mu.Unlock()
	case EventClosed:
		e.core.forget(e.id)
		e.close(&LostError{Lock: e.lock})
	}
}

func (e *Election) last() *Term {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.term
}

func (e *Election) begin(term *Term) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return
	}
	e.term, e.taken = term, false
	e.broadcast()
}

// end is the end of a term: its work hears of it, or, if it was given to nobody, it is handed back here, since no work
// has begun.
func (e *Election) end(event Event) {
	e.mu.Lock()
	term, taken := e.term, e.taken
	if term == nil || term.token != event.Token {
		e.mu.Unlock()
		e.drained(event.Token) // a term that nobody has heard of has no work
		return
	}
	e.taken = true // from now on nobody is given it
	e.mu.Unlock()
	term.end(event.Reason)
	if !taken {
		term.HandBack()
	}
	e.mu.Lock()
	e.broadcast()
	e.mu.Unlock()
}

// drained says that the work of a term has ended.
func (e *Election) drained(token uint64) {
	if e.refs.acquire() {
		C.k8sleader_election_drained(e.ptr, C.uint64_t(token))
		e.release()
	}
}
