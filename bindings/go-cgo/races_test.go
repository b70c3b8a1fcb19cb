// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

// exitInOnStoppedLeading is a program of client-go's kind: its work knows no end, and losing the lease ends the process.
func exitInOnStoppedLeading() int {
	client, lock, err := ofParent()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	config := shortFor(lock, "exits")
	config.Client = client
	terms := make(chan *k8sleader.Term, 1)
	config.Callbacks = k8sleader.Callbacks{
		OnStartedLeading: func(ctx context.Context) {
			term, _ := k8sleader.TermOf(ctx)
			terms <- term
			fmt.Println("leads")
			select {} // whatever happens
		},
		OnStoppedLeading: func() {
			term := <-terms
			fmt.Println("in time:", term.GraceLeft() > 0, term.Reason())
			os.Exit(3)
		},
	}
	k8sleader.RunOrDie(context.Background(), config)
	return 1
}

func TestALossIsToldBeforeTheWorkEnds(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	process := startProgram(t, "exits", name)
	process.until(t, "leads")
	must(t, server.Steal(within(t), name, "thief"))
	if line := process.until(t, "in time:"); line != "in time: true lost_holder" {
		t.Error(line)
	}
	if code := process.awaitEnd(t); code != 3 {
		t.Errorf("it ended with %d", code)
	}
}

// inherited gives the sockets of TCP, and what events come by, that a program finds which this one starts. (The pairs by which
// libcurl wakes itself are none of these: older ones let them be inherited, and they lead nowhere.)
func inherited() (found []string, err error) {
	text, err := exec.Command("sh", "-c", "ls -l /proc/self/fd; cat /proc/self/net/tcp /proc/self/net/tcp6").Output()
	if err != nil {
		return nil, err
	}
	for _, match := range regexp.MustCompile(`-> (anon_inode:.*|socket:\[(\d+)\])`).FindAllStringSubmatch(string(text), -1) {
		if inode := match[2]; inode == "" || strings.Contains(string(text), " "+inode+" ") {
			found = append(found, match[1])
		}
	}
	return found, nil
}

// startProgramsWhileLeading leads, starts programs and gets signals for longer than its lease.
func startProgramsWhileLeading() int {
	client, lock, err := ofParent()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer client.Close()
	signals := make(chan os.Signal, 1000)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGCHLD)
	err = client.Lead(context.Background(), short(options(lock, "exec")), func(ctx context.Context, term *k8sleader.Term) error {
		for until := time.Now().Add(5 * time.Second); time.Now().Before(until); {
			if found, err := inherited(); err != nil || len(found) > 0 {
				return fmt.Errorf("inherited: %v, %v", found, err)
			}
			// To any thread that does not block it, hence to none of the library's.
			if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
				return err
			}
			if !term.IsLeader() {
				return term.Err()
			}
		}
		return nil
	})
	fmt.Println("Lead:", err, len(signals) > 0)
	return 0
}

func TestProgramsAndSignalsBesideALeader(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	process := startProgram(t, "exec", name)
	if line := process.until(t, "Lead:"); line != "Lead: <nil> true" {
		t.Error(line)
	}
	if code := process.awaitEnd(t); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
}

func TestALossIsToldWhileItsGraceLasts(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	mayReturn := make(chan struct{})
	config := shortFor(name, "a")
	terms := make(chan *k8sleader.Term, 1)
	var grace time.Duration
	var ended bool
	config.Callbacks.OnStoppedLeading = func() {
		term := <-terms
		grace, ended = term.GraceLeft(), term.Context().Err() != nil
		close(mayReturn)
	}
	a := newCandidate(t, config, func(ctx context.Context) {
		term, _ := k8sleader.TermOf(ctx)
		terms <- term
		<-ctx.Done()
		<-mayReturn
	}).run(t)
	await(t, "leading", a.started)
	must(t, server.Steal(within(t), name, "thief"))
	var lost *k8sleader.LostError
	if err := a.awaitRun(t); !errors.As(err, &lost) {
		t.Errorf("Run: %v", err)
	}
	if grace <= 0 || !ended {
		t.Errorf("grace left in OnStoppedLeading: %v, context over: %v", grace, ended)
	}
	a.expect(t, "started returned")
}

func TestAPanicIsLoggedWithItsStack(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	var log lines
	config := configFor(name, "a")
	clientConfig := configOf(server)
	clientConfig.Logger = slog.New(slog.NewTextHandler(&log, nil))
	config.Client = newClientOf(t, clientConfig)
	failure := errors.New("its very own")
	held := ""
	a := newCandidate(t, config, func(context.Context) {
		held = holder(t, name)
		panicsFarBelow(failure)
	}).run(t)
	_ = a.awaitRun(t)
	if a.panic != failure {
		t.Errorf("panic: %v", a.panic)
	}
	if text := log.String(); !strings.Contains(text, "panicsFarBelow") || !strings.Contains(text, "its very own") {
		t.Errorf("log: %s", text)
	}
	if held != "a" || holder(t, name) != "" {
		t.Errorf("held by %q in the work, by %q after it", held, holder(t, name))
	}
}

//go:noinline
func panicsFarBelow(value any) { panic(value) }

func TestAPanicReleasesNothingThatWasLost(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	a := newCandidate(t, shortFor(name, "a"), func(ctx context.Context) {
		<-ctx.Done()
		panic("late")
	}).run(t)
	await(t, "leading", a.started)
	must(t, server.Steal(within(t), name, "thief"))
	_ = a.awaitRun(t)
	if a.panic != "late" || holder(t, name) != "thief" {
		t.Errorf("panic %v, held by %q", a.panic, holder(t, name))
	}
}

func TestAStuckOnNewLeaderHoldsUpNoRelease(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	for _, leads := range []bool{true, false} {
		stuck, mayReturn := make(chan struct{}), make(chan struct{})
		config := configFor(name, "a")
		var once sync.Once
		config.Callbacks.OnNewLeader = func(string) {
			once.Do(func() { close(stuck) })
			<-mayReturn
		}
		var other *k8sleader.Term
		if !leads {
			other = lead(t, stand(t, newClient(t), options(name, "other")))
		}
		a := newCandidate(t, config, untilCancelled).run(t)
		await(t, "OnNewLeader", stuck)
		if leads {
			await(t, "leading", a.started)
		}
		a.cancel()
		if err := a.awaitRun(t); err != nil {
			t.Error(err)
		}
		if leads && holder(t, name) != "" {
			t.Error("it was not released")
		}
		if !leads {
			other.HandBack()
		}
		close(mayReturn)
	}
}

func TestStopsAndHandBacksOfMany(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	for round := 0; round < 20; round++ {
		election := stand(t, client, options(name, "a"))
		term := lead(t, election)
		var together sync.WaitGroup
		for _, act := range []func(){
			election.Stop, election.Stop, term.Stop, term.HandBack, term.HandBack,
			func() { _ = election.Shutdown(within(t)) },
			func() { term.IsLeader(); term.TimeLeft(); term.GraceLeft(); election.Leader() },
		} {
			act := act
			together.Add(1)
			go func() {
				defer together.Done()
				act()
			}()
		}
		together.Wait()
		await(t, "the end", election.Done())
		if term.IsLeader() || term.MayFinish() || holder(t, name) != "" {
			t.Fatalf("round %d: leads %v, held by %q", round, term.IsLeader(), holder(t, name))
		}
		election.Stop()
		election.Abandon()
		term.Stop()
		term.HandBack()
	}
}

func TestCloseUnderRuns(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	client := newClient(t)
	leaderConfig, standbyConfig := configFor(name, "leader"), configFor(name, "standby")
	leaderConfig.Client, standbyConfig.Client = client, client
	mayReturn, told := make(chan struct{}), make(chan struct{})
	leaderConfig.Callbacks.OnStoppedLeading = func() { close(told) }
	leader := newCandidate(t, leaderConfig, func(ctx context.Context) {
		<-ctx.Done()
		<-mayReturn
	}).run(t)
	await(t, "leading", leader.started)
	standby := newCandidate(t, standbyConfig, untilCancelled).run(t)
	awaitTrue(t, "the standby", func() bool { return standby.GetLeader() == "leader" })
	must(t, client.Close())
	if err := standby.awaitRun(t); !errors.Is(err, k8sleader.ErrClosed) {
		t.Errorf("the standby's Run: %v", err)
	}
	await(t, "OnStoppedLeading", told)
	if holder(t, name) != "leader" {
		t.Error("it was released under the work")
	}
	close(mayReturn)
	var lost *k8sleader.LostError
	if err := leader.awaitRun(t); !errors.As(err, &lost) || lost.Reason != k8sleader.ReasonNone {
		t.Errorf("the leader's Run: %v", err)
	}
	if holder(t, name) != "leader" {
		t.Error("it was released after the end of its client")
	}
	if err := standby.Run(within(t)); !errors.Is(err, k8sleader.ErrClosed) {
		t.Errorf("Run on a closed client: %v", err)
	}
}

func TestShutdownOfTheClientEndsRuns(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	config := configFor(name, "a")
	config.Client = newClient(t)
	held := ""
	a := newCandidate(t, config, func(ctx context.Context) {
		<-ctx.Done()
		held = holder(t, name)
	}).run(t)
	await(t, "leading", a.started)
	must(t, config.Client.Shutdown(within(t)))
	if err := a.awaitRun(t); err != nil {
		t.Error(err)
	}
	a.expect(t, "started returned stopped")
	if held != "a" || holder(t, name) != "" {
		t.Errorf("held by %q at the work's end, by %q after it", held, holder(t, name))
	}
}

func TestAForgottenElectorGoesOn(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	ctx, cancel := context.WithCancel(context.Background())
	ran, started := make(chan error, 1), make(chan struct{})
	func() {
		config := shortFor(name, "a")
		config.Client = newClient(t)
		config.Callbacks = k8sleader.Callbacks{
			OnStartedLeading: func(ctx context.Context) {
				close(started)
				<-ctx.Done()
			},
			OnStoppedLeading: func() {},
		}
		elector, err := k8sleader.New(config)
		must(t, err)
		go func() { ran <- elector.Run(ctx) }()
		// One that never runs, and a client that nobody uses.
		_, err = k8sleader.New(config)
		must(t, err)
		_, err = k8sleader.NewClient(configOf(server))
		must(t, err)
	}()
	await(t, "leading", started)
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		runtime.GC()
		if holder(t, name) != "a" {
			t.Fatal("it was given up")
		}
	}
	cancel()
	must(t, <-ran)
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
}
