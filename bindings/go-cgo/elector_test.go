// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

// candidate is an Elector whose callbacks write a journal.
type candidate struct {
	*k8sleader.Elector
	journal journal
	started chan struct{}
	cancel  context.CancelFunc
	ran     chan ran
	panic   any // of the run that was awaited last
}

// ran is how a Run ended.
type ran struct {
	err   error
	panic any
}

// untilCancelled is the work of a candidate that does as it is told.
func untilCancelled(ctx context.Context) { <-ctx.Done() }

func newCandidate(t *testing.T, config k8sleader.Config, work func(context.Context)) *candidate {
	t.Helper()
	c := &candidate{started: make(chan struct{}), ran: make(chan ran, 1)}
	var once sync.Once
	config.Callbacks.OnStartedLeading = func(ctx context.Context) {
		c.journal.add("started")
		once.Do(func() { close(c.started) })
		defer c.journal.add("returned")
		work(ctx)
	}
	if config.Callbacks.OnStoppedLeading == nil {
		config.Callbacks.OnStoppedLeading = func() { c.journal.add("stopped") }
	}
	if config.Client == nil {
		config.Client = newClient(t)
	}
	elector, err := k8sleader.New(config)
	if err != nil {
		t.Fatal(err)
	}
	c.Elector = elector
	return c
}

func (c *candidate) run(t *testing.T) *candidate {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	c.cancel = cancel
	go func() {
		var end ran
		defer func() {
			end.panic = recover()
			c.ran <- end
		}()
		end.err = c.Run(ctx)
	}()
	return c
}

func (c *candidate) awaitRun(t *testing.T) error {
	t.Helper()
	select {
	case end := <-c.ran:
		c.panic = end.panic
		return end.err
	case <-time.After(patience):
		stacks := make([]byte, 1<<20)
		t.Fatalf("Run does not return\n%s", stacks[:runtime.Stack(stacks, true)])
		return nil
	}
}

func (c *candidate) expect(t *testing.T, journal string) {
	t.Helper()
	if c.journal.String() != journal {
		t.Errorf("journal: %s, not %s", &c.journal, journal)
	}
}

func configFor(name, identity string) k8sleader.Config {
	return k8sleader.Config{Name: name, Identity: identity, ReleaseOnCancel: true}
}

func shortFor(name, identity string) k8sleader.Config {
	c := configFor(name, identity)
	c.LeaseDuration, c.RenewDeadline, c.RetryPeriod = 4*time.Second, 3*time.Second, 500*time.Millisecond
	return c
}

func TestTheLeaseIsReleasedWhenTheWorkHasReturned(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	mayReturn := make(chan struct{})
	a := newCandidate(t, shortFor(name, "a"), func(ctx context.Context) {
		<-ctx.Done()
		<-mayReturn
	}).run(t)
	await(t, "leading", a.started)
	if !a.IsLeader() || a.GetLeader() != "a" {
		t.Errorf("leader %v, %q", a.IsLeader(), a.GetLeader())
	}
	b := newCandidate(t, shortFor(name, "b"), untilCancelled).run(t)

	a.cancel()
	awaitTrue(t, "the stop", func() bool { return !a.IsLeader() })
	select {
	case <-b.started:
		t.Fatal("another leads while the work runs")
	case <-time.After(5 * time.Second): // longer than the lease
	}
	a.expect(t, "started")
	close(mayReturn)
	await(t, "the handover", b.started)
	if err := a.awaitRun(t); err != nil {
		t.Error(err)
	}
	a.expect(t, "started returned stopped")
	b.cancel()
	_ = b.awaitRun(t)
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
}

func TestACandidateThatNeverLedIsNotStopped(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	leader := lead(t, stand(t, newClient(t), options(name, "other")))
	seen := make(chan string, 10)
	config := configFor(name, "a")
	config.Callbacks.OnNewLeader = func(identity string) { seen <- identity }
	a := newCandidate(t, config, untilCancelled).run(t)
	if identity := <-seen; identity != "other" || a.GetLeader() != "other" {
		t.Errorf("%q, %q lead", identity, a.GetLeader())
	}
	a.cancel()
	if err := a.awaitRun(t); err != nil {
		t.Error(err)
	}
	a.expect(t, "")
	leader.HandBack()
}

func TestOnNewLeaderTellsEachLeaderOnce(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	seen := make(chan string, 10)
	leader := lead(t, stand(t, newClient(t), options(name, "first")))
	config := configFor(name, "a")
	config.Callbacks.OnNewLeader = func(identity string) { seen <- identity }
	a := newCandidate(t, config, untilCancelled).run(t)
	if identity := <-seen; identity != "first" {
		t.Errorf("%q leads", identity)
	}
	leader.HandBack()
	if identity := <-seen; identity != "a" {
		t.Errorf("%q leads", identity)
	}
	a.cancel()
	_ = a.awaitRun(t)
	if len(seen) != 0 {
		t.Errorf("and then %q", <-seen)
	}
}

func TestWithoutReleaseOnCancelTheLeaseRunsOut(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	config := configFor(name, "a")
	config.ReleaseOnCancel = false
	a := newCandidate(t, config, untilCancelled).run(t)
	await(t, "leading", a.started)
	a.cancel()
	if err := a.awaitRun(t); err != nil {
		t.Error(err)
	}
	a.expect(t, "started returned stopped")
	if holder(t, name) != "a" {
		t.Error("it was released")
	}
}

func TestAReturnReleases(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	config := configFor(name, "a")
	config.ReleaseOnCancel = false
	a := newCandidate(t, config, func(context.Context) {}).run(t)
	if err := a.awaitRun(t); err != nil {
		t.Error(err)
	}
	a.expect(t, "started returned stopped")
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
}

func TestAReturnMayKeepLeading(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	config := configFor(name, "a")
	config.ReturnKeepsLeading = true
	held := ""
	config.Callbacks.OnStoppedLeading = func() { held = holder(t, name) }
	a := newCandidate(t, config, func(context.Context) {}).run(t)
	await(t, "leading", a.started)
	if !a.IsLeader() {
		t.Error("it does not lead any more")
	}
	a.cancel()
	if err := a.awaitRun(t); err != nil {
		t.Error(err)
	}
	if held != "a" || holder(t, name) != "" {
		t.Errorf("held by %q in OnStoppedLeading, by %q after it", held, holder(t, name))
	}
}

func TestAPanicReleasesAndGoesOn(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	a := newCandidate(t, configFor(name, "a"), func(context.Context) { panic("work") }).run(t)
	_ = a.awaitRun(t)
	if a.panic != "work" {
		t.Errorf("panic: %v", a.panic)
	}
	a.expect(t, "started returned stopped")
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
}

func TestAnEndOfTheWorksGoroutineReleases(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	a := newCandidate(t, configFor(name, "a"), func(context.Context) { runtime.Goexit() }).run(t)
	if err := a.awaitRun(t); err != nil {
		t.Error(err)
	}
	if a.panic != nil || holder(t, name) != "" {
		t.Errorf("panic %v, held by %q", a.panic, holder(t, name))
	}
}

func TestAPanicInOnStoppedLeadingGoesOn(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	config := configFor(name, "a")
	config.Callbacks.OnStoppedLeading = func() { panic("stopped") }
	a := newCandidate(t, config, untilCancelled).run(t)
	await(t, "leading", a.started)
	a.cancel()
	_ = a.awaitRun(t)
	if a.panic != "stopped" || holder(t, name) != "" {
		t.Errorf("panic %v, held by %q", a.panic, holder(t, name))
	}
}

func TestAPanicInOnNewLeaderEndsTheWorkAndGoesOn(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	config := configFor(name, "a")
	config.ReleaseOnCancel = false // no cancellation of the user's
	config.Callbacks.OnNewLeader = func(string) { panic("news") }
	a := newCandidate(t, config, untilCancelled).run(t)
	_ = a.awaitRun(t)
	if a.panic != "news" || holder(t, name) == "a" {
		t.Errorf("panic %v, held by %q", a.panic, holder(t, name))
	}
}

func TestALossEndsRun(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	var cause error
	a := newCandidate(t, shortFor(name, "a"), func(ctx context.Context) {
		<-ctx.Done()
		cause = context.Cause(ctx)
	}).run(t)
	await(t, "leading", a.started)
	must(t, server.Steal(within(t), name, "thief"))
	var lost *k8sleader.LostError
	if err := a.awaitRun(t); !errors.As(err, &lost) || lost.Reason != k8sleader.ReasonLostHolder || !errors.Is(err, k8sleader.ErrNotLeader) {
		t.Errorf("Run: %v", err)
	}
	if !errors.As(cause, &lost) {
		t.Errorf("cause: %v", cause)
	}
	if a.IsLeader() {
		t.Error("it leads")
	}
	// It may run again.
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	go func() {
		awaitTrue(t, "leading again", a.IsLeader)
		cancel()
	}()
	must(t, a.Run(ctx))
}

func TestWorkThatGoesOnAfterALossIsToldAtOnceAndFoundByCheck(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	mayReturn, stopped := make(chan struct{}), make(chan struct{})
	config := shortFor(name, "a")
	config.WatchDog = k8sleader.NewLeaderHealthzAdaptor(50 * time.Millisecond)
	config.Callbacks.OnStoppedLeading = func() { close(stopped) }
	a := newCandidate(t, config, func(context.Context) { <-mayReturn }).run(t)
	await(t, "leading", a.started)
	must(t, a.Check(0))
	must(t, config.WatchDog.Check(nil))
	must(t, server.Steal(within(t), name, "thief"))
	await(t, "OnStoppedLeading", stopped)
	var lost *k8sleader.LostError
	if err := a.awaitRun(t); !errors.As(err, &lost) {
		t.Errorf("Run: %v", err)
	}
	must(t, a.Check(time.Hour))
	awaitTrue(t, "Check", func() bool { return a.Check(50*time.Millisecond) != nil && config.WatchDog.Check(nil) != nil })
	// Another run waits for that work, or for its context.
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	must(t, a.Run(ctx))
	a.expect(t, "started")
	close(mayReturn)
	awaitTrue(t, "health", func() bool { return a.Check(0) == nil })
}

func TestWorkThatDoesNotReturnAfterACancelLosesTheLease(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	mayReturn := make(chan struct{})
	config := shortFor(name, "a")
	config.DrainTimeout = 500 * time.Millisecond
	a := newCandidate(t, config, func(context.Context) { <-mayReturn }).run(t)
	await(t, "leading", a.started)
	a.cancel()
	var lost *k8sleader.LostError
	if err := a.awaitRun(t); !errors.As(err, &lost) || lost.Reason != k8sleader.ReasonDrainTimeout {
		t.Errorf("Run: %v", err)
	}
	a.expect(t, "started stopped")
	if found := holder(t, name); found != "a" {
		t.Errorf("it was released under the work: %q", found)
	}
	close(mayReturn)
}

func TestCancellationAtAnyMoment(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	for i := 0; i < 60; i++ {
		config := configFor(name, "a")
		config.Client = client
		a := newCandidate(t, config, untilCancelled)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Duration(i)*200*time.Microsecond, cancel)
		if err := a.Run(ctx); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if text := a.journal.String(); text != "" && text != "started returned stopped" {
			t.Fatalf("%d: %s", i, text)
		}
		if holder(t, name) != "" {
			t.Fatalf("%d: it was not released", i)
		}
	}
}

func TestTheTermIsInTheContext(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	type key struct{}
	var term *k8sleader.Term
	var value any
	a := newCandidate(t, configFor(name, "a"), func(ctx context.Context) {
		term, _ = k8sleader.TermOf(ctx)
		value = ctx.Value(key{})
	})
	must(t, a.Run(context.WithValue(within(t), key{}, 7)))
	if term == nil || term.Identity() != "a" || value != 7 {
		t.Errorf("term %v, value %v", term, value)
	}
}

func TestAnElectorsOwnClient(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	config := configFor(name, "a")
	config.Namespace, config.Logger = "default", quiet()
	config.Callbacks = k8sleader.Callbacks{OnStartedLeading: func(context.Context) {}, OnStoppedLeading: func() {}}
	k8sleader.RunOrDie(within(t), config)
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
}

func TestWhatNewAndRunRefuse(t *testing.T) {
	t.Parallel()
	callbacks := k8sleader.Callbacks{OnStartedLeading: func(context.Context) {}, OnStoppedLeading: func() {}}
	for what, config := range map[string]k8sleader.Config{
		"no callbacks":   {Name: "a"},
		"no name":        {Callbacks: callbacks},
		"lease duration": {Name: "a", LeaseDuration: time.Second, RenewDeadline: time.Second, Callbacks: callbacks},
		"renew deadline": {Name: "a", RenewDeadline: time.Second, RetryPeriod: time.Second, Callbacks: callbacks},
		"negative":       {Name: "a", RetryPeriod: -time.Second, Callbacks: callbacks},
	} {
		if _, err := k8sleader.New(config); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	elector, err := k8sleader.NewLeaderElector(k8sleader.LeaderElectionConfig{Client: newClient(t), Name: "No Name", Callbacks: callbacks})
	must(t, err)
	if err := elector.Run(within(t)); !errors.Is(err, k8sleader.ErrName) {
		t.Errorf("Run: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("RunOrDie did not")
		}
	}()
	k8sleader.RunOrDie(within(t), k8sleader.Config{Name: "a"})
}
