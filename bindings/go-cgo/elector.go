// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package k8sleader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Callbacks are told what happens, as in client-go. OnStartedLeading and OnStoppedLeading are needed. Since 1.0.
type Callbacks struct {
	// OnStartedLeading is the leader's work, on a goroutine of its own. Its context is cancelled when it is to end: Run's
	// context was cancelled, or the lock is lost (context.Cause tells). The lock is held until it returns, unless it was
	// lost. When it returns, or panics, by itself, the lock is released; see Config.ReturnKeepsLeading. TermOf(ctx) gives
	// the Term.
	OnStartedLeading func(ctx context.Context)
	// OnStoppedLeading is called after a term, and only then; never for a candidate that did not lead. After a stop the
	// work has returned and the lock was given back: what must happen before another leads belongs into OnStartedLeading,
	// behind its work. After a loss it is called at once, and the work may still run: it may end the process.
	OnStoppedLeading func()
	// OnNewLeader is told who leads, also when it is we, in order and each once, on a goroutine of its own. Of several that
	// come while it runs it is told the last. Run waits a second at most for it to return. It may be nil.
	OnNewLeader func(identity string)
}

// Config is what to stand for, in client-go's shape. Since 1.0.
type Config struct {
	// Client to use; nil: one of the Elector's own, of the zero ClientConfig, while it runs.
	Client *Client

	Name      string // see Options
	Namespace string
	Identity  string

	LeaseDuration time.Duration // 0: 15 s
	RenewDeadline time.Duration // 0: 10 s
	RetryPeriod   time.Duration // 0: 2 s
	DrainTimeout  time.Duration // 0: 30 s; how long after a stop OnStartedLeading may take to return

	// ReleaseOnCancel: when Run's context is cancelled the lock is released, as soon as the work has returned. Otherwise it
	// runs out, as in client-go. When OnStartedLeading returns by itself it is released anyway.
	ReleaseOnCancel bool
	// ReturnKeepsLeading: the term goes on when OnStartedLeading returns, as in client-go, for a function that only starts
	// the work. Then OnStoppedLeading is what ends the work: it is called before the lock is given back, which waits for
	// its return.
	ReturnKeepsLeading bool

	LockResource string // see Options
	Labels       map[string]string

	Callbacks Callbacks

	// WatchDog for a liveness probe, told of the Elector; may be nil.
	WatchDog *HealthzAdaptor

	// Logger for a client of its own.
	Logger *slog.Logger
}

// The names that client-go has for these.
type (
	LeaderElectionConfig = Config
	LeaderCallbacks      = Callbacks
	LeaderElector        = Elector
)

// Elector stands for one lock by callbacks. Any goroutine may use it. Since 1.0.
type Elector struct {
	config   Config
	slot     chan struct{} // holds one token while a run's work may go on
	election atomic.Pointer[Election]
	current  atomic.Pointer[electorRun]
}

// New makes an Elector. Errors are about durations that do not fit each other, and missing callbacks; what only shows when it
// stands is Run's error.
func New(config Config) (*Elector, error) {
	if config.Callbacks.OnStartedLeading == nil || config.Callbacks.OnStoppedLeading == nil {
		return nil, &Error{Code: CodeArgument, Message: "OnStartedLeading and OnStoppedLeading are needed"}
	}
	if config.Name == "" {
		return nil, &Error{Code: CodeName, Message: "the lock has no name"}
	}
	if err := config.checkDurations(); err != nil {
		return nil, err
	}
	elector := &Elector{config: config, slot: make(chan struct{}, 1)}
	if config.WatchDog != nil {
		config.WatchDog.SetLeaderElection(elector)
	}
	return elector, nil
}

// NewLeaderElector is New, by client-go's name.
func NewLeaderElector(config Config) (*Elector, error) { return New(config) }

// The library says the same when it stands; client-go's users expect it before.
func (c *Config) checkDurations() error {
	or := func(d, ifZero time.Duration) time.Duration {
		if d == 0 {
			return ifZero
		}
		return d
	}
	lease, renew, retry := or(c.LeaseDuration, 15*time.Second), or(c.RenewDeadline, 10*time.Second), or(c.RetryPeriod, 2*time.Second)
	switch {
	case lease < 0 || renew < 0 || retry < 0 || c.DrainTimeout < 0:
		return &Error{Code: CodeDuration, Message: "a duration is negative"}
	case lease <= renew:
		return &Error{Code: CodeDuration, Message: fmt.Sprintf("LeaseDuration (%v) must be more than RenewDeadline (%v)", lease, renew)}
	case renew <= retry+retry/5:
		return &Error{Code: CodeDuration, Message: fmt.Sprintf("RenewDeadline (%v) must be more than 1.2 times RetryPeriod (%v)", renew, retry)}
	}
	return nil
}

func (c *Config) options() Options {
	return Options{Name: c.Name, Namespace: c.Namespace, Identity: c.Identity, LeaseDuration: c.LeaseDuration,
		RenewDeadline: c.RenewDeadline, RetryPeriod: c.RetryPeriod, DrainTimeout: c.DrainTimeout,
		LockResource: c.LockResource, Labels: c.Labels, Once: true}
}

// Run stands, leads once, and returns when that is over: when ctx ends, the work returns, or the lock is lost. A panic of a
// callback ends the work and goes on in Run, after the lock was released.
//
// It waits for OnStartedLeading to return. After a loss not for ever: until its grace is over (see Term.GraceLeft), and
// another Run of the same Elector then waits for the rest. Several Runs come one after the other.
//
// Returns nil, a *LostError, or why it could not stand. client-go's returns nothing: to ignore it is to do as there.
func (el *Elector) Run(ctx context.Context) error {
	select {
	case el.slot <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	run := &electorRun{elector: el, client: el.config.Client}
	if run.client == nil {
		client, err := NewClient(ClientConfig{Logger: el.config.Logger})
		if err != nil {
			<-el.slot
			return err
		}
		run.client, run.ownClient = client, true
	}
	return run.do(ctx)
}

// RunOrDie makes an Elector and runs it. It panics when the configuration is wrong.
func RunOrDie(ctx context.Context, config Config) {
	elector, err := New(config)
	if err == nil {
		err = elector.Run(ctx)
	}
	if lost := (*LostError)(nil); err != nil && !errors.As(err, &lost) {
		panic(err)
	}
}

// IsLeader says whether new work may be started: by the clock, false from the renew deadline and from a stop on.
func (el *Elector) IsLeader() bool {
	election := el.election.Load()
	return election != nil && election.IsLeader()
}

// GetLeader is the identity of the last known leader, perhaps our own; "" for none.
func (el *Elector) GetLeader() string {
	if election := el.election.Load(); election != nil {
		return election.Leader()
	}
	return ""
}

// Check is for a liveness probe: it is an error when work goes on that should have ended more than max ago, since the lock
// was lost and the grace is over. Who does not lead is healthy.
func (el *Elector) Check(max time.Duration) error {
	run := el.current.Load()
	if run == nil {
		return nil
	}
	if late := run.term.overdue(); late > max && !run.work.hasEnded() {
		return fmt.Errorf("k8sleader: %s was lost, and its work should have ended %v ago: %w", run.term.Lock(), late, run.term.Err())
	}
	return nil
}
