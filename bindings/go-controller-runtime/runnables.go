// SPDX-License-Identifier: Apache-2.0

package k8sleadermanager

import (
	"context"
	"errors"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// runnables are those that need the election: kept until the term begins, run in it once.
type runnables struct {
	failed chan error // holds the first error

	mu      sync.Mutex
	waiting []manager.Runnable
	ctx     context.Context // of the term; nil before it
	running int
	idle    chan struct{} // closed once the term is over and nothing runs
	over    bool
}

func newRunnables() *runnables {
	return &runnables{failed: make(chan error, 1), idle: make(chan struct{})}
}

func (r *runnables) add(runnable manager.Runnable) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.over || r.ctx != nil && r.ctx.Err() != nil:
		return errors.New("k8sleadermanager: the term is over, nothing more is started")
	case r.ctx == nil:
		r.waiting = append(r.waiting, runnable)
	default:
		r.run(runnable)
	}
	return nil
}

// start begins the term. The function it returns says that the term is over; its channel is closed when all have ended.
func (r *runnables) start(ctx context.Context) (ended func() <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ctx = ctx
	for _, runnable := range r.waiting {
		r.run(runnable)
	}
	r.waiting = nil
	return r.end
}

func (r *runnables) end() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.over = true
		if r.running == 0 {
			close(r.idle)
		}
	}
	return r.idle
}

// run is called with the mutex held.
func (r *runnables) run(runnable manager.Runnable) {
	r.running++
	ctx := r.ctx
	go func() {
		err := runnable.Start(ctx)
		if err != nil && ctx.Err() == nil {
			select {
			case r.failed <- err:
			default:
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.running--; r.running == 0 && r.over {
			close(r.idle)
		}
	}()
}
