// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"errors"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
	"k8sleader.test/bindings/go-cgo/k8sleadertest"
)

func TestATermLeadsUntilItIsHandedBack(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	election := stand(t, client, options(name, "a"))
	term := lead(t, election)

	if !term.IsLeader() || !term.MayFinish() || !election.IsLeader() {
		t.Error("it does not lead")
	}
	if left := term.TimeLeft(); left <= 0 || left > 10*time.Second {
		t.Errorf("time left: %v", left)
	}
	if left := term.GraceLeft(); left <= 0 || left > 15*time.Second {
		t.Errorf("grace left: %v", left)
	}
	if token, err := term.FencingToken(); err != nil || token == 0 {
		t.Errorf("token %d, %v", token, err)
	}
	if term.Lock() != "default/"+name || term.Identity() != "a" || election.Leader() != "a" {
		t.Errorf("%s, %s, %s", term.Lock(), term.Identity(), election.Leader())
	}
	if term.Err() != nil || term.Context().Err() != nil || term.Reason() != k8sleader.ReasonNone {
		t.Error("it is over")
	}

	term.HandBack()
	await(t, "the release", election.Done())
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
	if term.IsLeader() || term.MayFinish() || term.TimeLeft() != 0 || term.GraceLeft() != 0 {
		t.Error("it leads after the hand-back")
	}
	term.HandBack()
	if _, err := election.Wait(within(t)); !errors.Is(err, k8sleader.ErrClosed) {
		t.Errorf("Wait after the end: %v", err)
	}
}

func TestAStopHoldsTheLockUntilTheWorkIsHandedBack(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	election := stand(t, client, short(options(name, "a")))
	term := lead(t, election)
	next := stand(t, client, short(options(name, "b")))

	term.Stop()
	if term.IsLeader() {
		t.Error("new work may be started after a stop")
	}
	await(t, "the context's end", term.Done())
	var stopped *k8sleader.StopError
	if cause := context.Cause(term.Context()); !errors.As(cause, &stopped) || !errors.As(term.Err(), &stopped) {
		t.Errorf("cause %v, error %v", cause, term.Err())
	}
	// Longer than the lease: it is renewed meanwhile.
	drained := time.Now().Add(3 * time.Second)
	for time.Now().Before(drained) {
		if !term.MayFinish() || term.TimeLeft() == 0 || next.IsLeader() {
			t.Fatalf("while it drains: may finish %v, left %v, next leads %v", term.MayFinish(), term.TimeLeft(), next.IsLeader())
		}
		time.Sleep(50 * time.Millisecond)
	}
	if holder(t, name) != "a" {
		t.Error("it was released under the work")
	}
	term.HandBack()
	later := lead(t, next)
	await(t, "the end", election.Done())

	first, _ := term.FencingToken()
	second, _ := later.FencingToken()
	if second <= first {
		t.Errorf("the token did not grow: %d, then %d", first, second)
	}
	later.HandBack()
}

func TestAForeignHandIsALossAndItStandsAgainAfterTheHandBack(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	election := stand(t, newClient(t), short(options(name, "a")))
	term := lead(t, election)
	must(t, server.Steal(within(t), name, "thief"))

	await(t, "the loss", term.Lost())
	await(t, "the context's end", term.Done())
	var lost *k8sleader.LostError
	if cause := context.Cause(term.Context()); !errors.As(cause, &lost) || lost.Reason != k8sleader.ReasonLostHolder {
		t.Errorf("cause: %v", cause)
	}
	if !errors.Is(term.Err(), k8sleader.ErrNotLeader) || term.Reason() != k8sleader.ReasonLostHolder {
		t.Errorf("%v, %v", term.Err(), term.Reason())
	}
	if term.IsLeader() || term.MayFinish() || term.TimeLeft() != 0 {
		t.Error("it still leads")
	}
	term.HandBack()
	again := lead(t, election)
	if term.IsLeader() || !again.IsLeader() || term.TimeLeft() != 0 {
		t.Error("the old term leads again")
	}
	first, _ := term.FencingToken()
	second, _ := again.FencingToken()
	if second <= first {
		t.Errorf("the token did not grow: %d, then %d", first, second)
	}
	again.HandBack()
}

func TestWithoutTheServerTheClockEndsIt(t *testing.T) {
	t.Parallel()
	own := k8sleadertest.New(t)
	client := newClientOf(t, configOf(own))
	o := short(options("clock", "a"))
	o.Once = true
	election := stand(t, client, o)
	term := lead(t, election)
	begin := time.Now()
	must(t, own.Fault(within(t), k8sleadertest.Object{"verb": "update", "action": "status", "status": 500}))

	await(t, "the loss", term.Done())
	if term.IsLeader() || election.IsLeader() {
		t.Error("it leads behind its deadline")
	}
	if term.Reason() != k8sleader.ReasonLostDeadline {
		t.Errorf("reason: %v", term.Reason())
	}
	if took := time.Since(begin); took < time.Second {
		t.Errorf("it ended after %v", took)
	}
	grace := term.GraceLeft()
	if grace > 600*time.Millisecond {
		t.Errorf("grace left: %v", grace)
	}
	awaitTrue(t, "the end of the grace", func() bool { return term.GraceLeft() == 0 })
	term.HandBack()
	await(t, "the end", election.Done())
}

func TestADrainThatTakesTooLongIsALoss(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	o := short(options(name, "a"))
	o.DrainTimeout = 500 * time.Millisecond
	election := stand(t, newClient(t), o)
	term := lead(t, election)
	term.Stop()
	await(t, "the loss", term.Lost())
	if term.Reason() != k8sleader.ReasonDrainTimeout || !errors.Is(term.Err(), k8sleader.ErrNotLeader) {
		t.Errorf("%v, %v", term.Reason(), term.Err())
	}
	if holder(t, name) != "a" {
		t.Error("it was released under the work")
	}
	term.HandBack()
	await(t, "the end", election.Done())
}

func TestTokensGrowWithEveryTerm(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	var last uint64
	for i := 0; i < 20; i++ {
		election := stand(t, client, options(name, "a"))
		term := lead(t, election)
		token, err := term.FencingToken()
		if err != nil || token <= last {
			t.Fatalf("%d after %d: %v", token, last, err)
		}
		last = token
		term.HandBack()
		await(t, "the release", election.Done())
	}
}

func TestATermThatNobodyTookIsHandedBackByItself(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	election := stand(t, client, options(name, "a"))
	awaitTrue(t, "leading", election.IsLeader)
	must(t, election.Shutdown(within(t)))
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
}

func TestAbandonReleasesNothingAndEndsTheContext(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	election := stand(t, newClient(t), options(name, "a"))
	term := lead(t, election)
	election.Abandon()
	await(t, "the context's end", term.Done())
	await(t, "the loss", term.Lost())
	if holder(t, name) != "a" || term.IsLeader() || term.MayFinish() {
		t.Error("it was released, or leads on")
	}
	if left := term.GraceLeft(); left <= 0 || left > 15*time.Second {
		t.Errorf("grace left: %v", left)
	}
	var lost *k8sleader.LostError
	if !errors.As(term.Err(), &lost) || lost.Reason != k8sleader.ReasonNone {
		t.Errorf("%v", term.Err())
	}
	election.Abandon()
}
