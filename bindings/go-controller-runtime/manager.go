// SPDX-License-Identifier: Apache-2.0

package k8sleadermanager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

// Options for New. Since 1.0.
type Options struct {
	// Election: what to stand for. Name is needed; Once is set, since controllers can't be started twice.
	Election k8sleader.Options
	// Client to use; nil: one of its own, that logs in as the manager does.
	Client *k8sleader.Client
}

// Manager is a Manager whose runnables that need leader election are run by our election. Everything else is the wrapped
// manager's. Give this one to builders and controllers. Since 1.0.
type Manager struct {
	manager.Manager
	client    *k8sleader.Client
	ownClient bool
	options   k8sleader.Options
	runnables *runnables
	elected   chan struct{}
}

var _ manager.Manager = (*Manager)(nil)

// New wraps a manager that was made without LeaderElection. What was added to it before runs without any election: add
// everything that needs one to the Manager that is returned.
func New(wrapped manager.Manager, options Options) (*Manager, error) {
	select {
	case <-wrapped.Elected():
		return nil, errors.New("k8sleadermanager: the manager was started already")
	default:
	}
	m := &Manager{Manager: wrapped, client: options.Client, options: options.Election, runnables: newRunnables(),
		elected: make(chan struct{})}
	m.options.Once = true
	if m.options.Name == "" {
		return nil, errors.New("k8sleadermanager: the lock has no name: set Election.Name")
	}
	if m.client == nil {
		config, err := ClientConfigOf(wrapped.GetConfig())
		if err != nil {
			return nil, err
		}
		if m.client, err = k8sleader.NewClient(config); err != nil {
			return nil, err
		}
		m.ownClient = true
	}
	// Started behind the caches, and stopped before them.
	if err := wrapped.Add(always(m.lead)); err != nil {
		return nil, err
	}
	return m, nil
}

// Add takes a runnable: one that needs leader election runs while this process leads, any other as the wrapped manager
// would have it.
func (m *Manager) Add(runnable manager.Runnable) error {
	if !needsElection(runnable) {
		return m.Manager.Add(runnable)
	}
	if w, ok := runnable.(warmer); ok {
		if err := m.Manager.Add(warmup{w}); err != nil {
			return err
		}
	}
	return m.runnables.add(runnable)
}

// Elected is closed when this process leads.
func (m *Manager) Elected() <-chan struct{} { return m.elected }

// Start runs everything until ctx ends, a runnable fails, or the lease is lost: then the error is a *k8sleader.LostError,
// and the process should end. It returns after the lease was released, if all that needs leader election has ended within
// the manager's GracefulShutdownTimeout; else the lease runs out.
func (m *Manager) Start(ctx context.Context) error {
	err := m.Manager.Start(ctx)
	if m.ownClient {
		_ = m.client.Close()
	}
	return err
}

type termKey struct{}

// TermOf gives the term that a runnable's context is about: for its fencing token, and to ask whether it leads.
func TermOf(ctx context.Context) (*k8sleader.Term, bool) {
	term, ok := ctx.Value(termKey{}).(*k8sleader.Term)
	return term, ok
}

const releasePatience = 5 * time.Second

// lead is what the wrapped manager runs: it stands, and runs the rest in its term.
func (m *Manager) lead(ctx context.Context) error {
	election, err := m.client.Stand(m.options)
	if err != nil {
		return fmt.Errorf("leader election: %w", err)
	}
	term, err := election.Wait(ctx)
	if err != nil {
		election.Stop()
		awaitEnd(election)
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("leader election: %w", err)
	}
	work, cancel := context.WithCancelCause(context.WithValue(ctx, termKey{}, term))
	defer cancel(nil)
	defer context.AfterFunc(term.Context(), func() { cancel(context.Cause(term.Context())) })()

	ended := m.runnables.start(work)
	close(m.elected)
	var failure error
	select {
	case failure = <-m.runnables.failed:
	case <-work.Done():
	}
	why := failure
	if why == nil {
		why = context.Cause(term.Context()) // nil when ctx ended
	}
	election.Stop()
	cancel(why)
	select {
	case <-ended():
		if isLost(term) {
			return m.lost(term, ended())
		}
		term.HandBack()
		awaitEnd(election)
	case <-term.Lost():
		return m.lost(term, ended())
	}
	var loss *k8sleader.LostError
	if failure == nil && errors.As(term.Err(), &loss) {
		return loss
	}
	return failure
}

// isLost asks by the clock: what ended behind the deadline may be faster than the news of it.
func isLost(term *k8sleader.Term) bool {
	if term.MayFinish() {
		return false
	}
	timer := time.NewTimer(releasePatience)
	defer timer.Stop()
	select {
	case <-term.Lost():
		return true
	case <-timer.C:
		return false // handed back, by hand
	}
}

// lost waits for what runs until its grace is over; then the process has to end.
func (m *Manager) lost(term *k8sleader.Term, ended <-chan struct{}) error {
	timer := time.NewTimer(term.GraceLeft())
	defer timer.Stop()
	select {
	case <-ended:
		term.HandBack()
	case <-timer.C:
		go func() {
			<-ended
			term.HandBack()
		}()
	}
	return term.Err()
}

func awaitEnd(election *k8sleader.Election) {
	ctx, cancel := context.WithTimeout(context.Background(), releasePatience)
	defer cancel()
	_ = election.Shutdown(ctx)
}

// always is a runnable that needs no election.
type always func(context.Context) error

func (f always) Start(ctx context.Context) error { return f(ctx) }
func (f always) NeedLeaderElection() bool        { return false }

type warmer interface {
	Warmup(context.Context) error
}

// warmup is what the wrapped manager is to see of a runnable that can begin before it leads.
type warmup struct{ warmer }

func (warmup) Start(context.Context) error { return nil }
func (warmup) NeedLeaderElection() bool    { return false }

// needsElection tells as controller-runtime does.
func needsElection(runnable manager.Runnable) bool {
	switch r := runnable.(type) {
	case *manager.Server:
		return r.NeedLeaderElection()
	case interface{ GetCache() cache.Cache }, webhook.Server:
		return false
	case manager.LeaderElectionRunnable:
		return r.NeedLeaderElection()
	}
	return true
}
