// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package k8sleader

import (
	"context"
	"sync"
)

const eventsMost = 1024

// EventStream gives events from the moment it was made. It holds 1,024 that were not taken yet and drops the oldest beyond;
// the next one then says how many in Missed. Close it when it is not wanted any more. Since 1.0.
type EventStream struct {
	core     *core
	election *Election // nil: all of the client's

	mu      sync.Mutex
	waiting []Event
	missed  int
	over    bool
	more    chan struct{} // holds one token while there is something to look at
}

// Events gives what happens in all elections of the client from now on.
func (c *Client) Events() *EventStream { return c.core.listen(nil) }

// Events gives what happens in the election from now on.
func (e *Election) Events() *EventStream { return e.core.listen(e) }

func (c *core) listen(election *Election) *EventStream {
	s := &EventStream{core: c, election: election, more: make(chan struct{}, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || election != nil && election.isClosed() {
		s.end()
	} else {
		c.streams[s] = struct{}{}
	}
	return s
}

// Next waits for the next event. After the last one, and after Close, it returns ErrClosed.
func (s *EventStream) Next(ctx context.Context) (Event, error) {
	for {
		s.mu.Lock()
		if len(s.waiting) > 0 {
			event := s.waiting[0]
			s.waiting = s.waiting[1:]
			event.Missed, s.missed = s.missed, 0
			if len(s.waiting) > 0 || s.over {
				s.signal()
			}
			s.mu.Unlock()
			return event, nil
		}
		if s.over {
			s.signal()
			s.mu.Unlock()
			return Event{}, ErrClosed
		}
		s.mu.Unlock()
		select {
		case <-s.more:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// All is Next as an iterator, for "for event := range stream.All(ctx)" from Go 1.23 on. It ends with ctx or the stream, and
// closes the stream.
func (s *EventStream) All(ctx context.Context) func(yield func(Event) bool) {
	return func(yield func(Event) bool) {
		defer s.Close()
		for {
			event, err := s.Next(ctx)
			if err != nil || !yield(event) {
				return
			}
		}
	}
}

// Close ends the stream; whoever waits in Next gets ErrClosed. Again is fine.
func (s *EventStream) Close() {
	s.core.mu.Lock()
	delete(s.core.streams, s)
	s.core.mu.Unlock()
	s.end()
}

func (s *EventStream) signal() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// add is called with core.mu held, and says whether this was the last event.
func (s *EventStream) add(event Event) (last bool) {
	if s.election != nil && s.election != event.Election {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return true
	}
	if len(s.waiting) >= eventsMost {
		s.waiting = s.waiting[1:]
		s.missed++
	}
	s.waiting = append(s.waiting, event)
	s.over = s.election != nil && event.Type == EventClosed
	s.signal()
	return s.over
}

func (s *EventStream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.signal()
}
