// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
	"k8sleader.test/bindings/go-cgo/internal/cheap"
	"k8sleader.test/bindings/go-cgo/k8sleadertest"
)

// entries counts what is in a folder of /proc/self.
func entries(t testing.TB, folder string) int {
	t.Helper()
	found, err := os.ReadDir("/proc/self/" + folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// workers counts the library's threads: one a client.
func workers(t testing.TB) (count int) {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/comm")
	must(t, err)
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(text), "k8sleader") {
			count++
		}
	}
	return count
}

// held is what a process holds.
type held struct {
	goroutines, threads, descriptors, workers int
	cBytes                                    int64
}

func holds(t testing.TB) held {
	runtime.GC()
	return held{runtime.NumGoroutine(), entries(t, "task"), entries(t, "fd"), workers(t), cheap.InUse()}
}

// TestManyElectionsHoldNoThread has so many elections on one client, leading, with somebody who waits for each; and before that
// some, so that what a first round leaves is not taken for a leak.
func TestManyElectionsHoldNoThread(t *testing.T) {
	count := 500
	if onReal {
		count = 200
	}
	if text := os.Getenv("K8SLEADER_TEST_ELECTIONS"); text != "" {
		var err error
		count, err = strconv.Atoi(text)
		must(t, err)
	}
	name := lockOf(t)
	holder(t, name) // the test's own connection is there before
	first := holds(t)
	manyElections(t, name+"-1", min(count, 500))
	warm := settled(t, first)
	manyElections(t, name+"-2", count)
	end := settled(t, first)
	t.Logf("%d elections, before: %+v, after a first round: %+v, at the end: %+v", count, first, warm, end)
	// Of an election a leak would have some hundred bytes; some thousand of all are left in caches.
	if more := end.cBytes - warm.cBytes; more > int64(100_000+50*count) {
		t.Errorf("%d bytes of C were not freed", more)
	}
	if more := end.threads - warm.threads; more > 2 {
		t.Errorf("%d threads more", more)
	}
}

// settled awaits that no goroutine, descriptor or thread of the library is left.
func settled(t *testing.T, before held) (now held) {
	t.Helper()
	awaitTrue(t, fmt.Sprintf("the end of all that was not there before: %+v", before), func() bool {
		now = holds(t)
		return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors && now.workers <= before.workers
	})
	return now
}

func manyElections(t *testing.T, name string, count int) {
	// In a namespace of their own: elections that are few among many locks share no watch.
	_, err := server.Request(within(t), http.MethodPost, "/api/v1/namespaces",
		k8sleadertest.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": k8sleadertest.Object{"name": name}})
	must(t, err)
	before := holds(t)
	client, err := k8sleader.NewClient(configOf(server))
	must(t, err)
	defer client.Close()
	ctx, done := context.WithTimeout(context.Background(), 10*patience)
	defer done()
	elections := make([]*k8sleader.Election, count)
	for i := range elections {
		o := options(fmt.Sprintf("%s-%d", name, i), "a")
		// What they cost per second is not the matter here.
		o.Namespace = name
		o.LeaseDuration, o.RenewDeadline, o.RetryPeriod = 5*time.Minute, 4*time.Minute, time.Minute
		elections[i] = stand(t, client, o)
	}
	terms := make([]*k8sleader.Term, count)
	for i, election := range elections {
		terms[i], err = election.Wait(ctx)
		must(t, err)
	}
	now := holds(t)
	t.Logf("%d lead: %+v, before: %+v", count, now, before)
	// The client's goroutine, and one that writes its log while there are lines.
	if more := now.goroutines - before.goroutines; more > 2 {
		t.Errorf("%d goroutines more", more)
	}
	// The library's, and those that the runtime keeps for calls of C.
	if more := now.threads - before.threads; more > 12 {
		t.Errorf("%d threads more", more)
	}
	if more := now.workers - before.workers; more != 1 {
		t.Errorf("%d threads of the library", more)
	}
	// The library's few connections, and what its loop waits by.
	if more := now.descriptors - before.descriptors; more > 64 {
		t.Errorf("%d descriptors more", more)
	}

	// A goroutine each waits for what never comes.
	var waiting sync.WaitGroup
	idle, cancel := context.WithCancel(ctx)
	for i, election := range elections {
		i, election := i, election
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			if _, err := election.Wait(idle); !errors.Is(err, context.Canceled) {
				t.Errorf("%d: %v", i, err)
			}
		}()
	}
	awaitTrue(t, "the waiting", func() bool { return runtime.NumGoroutine() >= before.goroutines+count })
	if more := entries(t, "task") - before.threads; more > 12 {
		t.Errorf("%d threads more with who waits", more)
	}
	cancel()
	waiting.Wait()
	for _, term := range terms {
		if !term.IsLeader() {
			t.Fatal("one does not lead")
		}
		term.HandBack()
	}
	must(t, client.Shutdown(ctx))
	other, err := k8sleader.NewClient(configOf(server))
	must(t, err)
	defer other.Close()
	locks, err := other.Locks(ctx, k8sleader.LockQuery{Namespace: name})
	must(t, err)
	for _, lock := range locks {
		if strings.HasPrefix(lock.Name, name) && lock.Holder != "" {
			t.Fatalf("%s is held by %s", lock.Name, lock.Holder)
		}
	}
	_, err = server.Request(ctx, http.MethodDelete, "/api/v1/namespaces/"+name, nil)
	must(t, err)
}

func TestNothingLeaks(t *testing.T) {
	one := func() {
		client, err := k8sleader.NewClient(configOf(server))
		must(t, err)
		must(t, client.Lead(within(t), options(lockOf(t), "a"), func(context.Context, *k8sleader.Term) error { return nil }))
		stream := client.Events()
		stand(t, client, options(lockOf(t), "b"))
		must(t, client.Close())
		if _, err := stream.Next(within(t)); err != nil && !errors.Is(err, k8sleader.ErrClosed) {
			t.Fatal(err)
		}
	}
	first := holds(t)
	for i := 0; i < 40; i++ {
		one()
	}
	warm := settled(t, first)
	const rounds = 60
	for i := 0; i < rounds; i++ {
		one()
	}
	end := settled(t, first)
	if more := end.cBytes - warm.cBytes; more > rounds*2000 { // a client has tens of thousands
		t.Errorf("%d bytes of C were not freed", more)
	}
	if more := end.threads - warm.threads; more > 2 {
		t.Errorf("%d threads more", more)
	}
}
