// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
	"k8sleader.test/bindings/go-cgo/k8sleadertest"
)

// patience is far beyond what anything takes.
const patience = 60 * time.Second

// One server for all tests: each has locks of its own. A test that breaks the server starts another. K8SLEADER_TEST_KUBECONFIG
// names a real control plane to run on instead.
var (
	server *k8sleadertest.Server
	onReal bool
)

// leftBehind counts the clients whose elections tests have left standing, since that is what they are about.
var leftBehind atomic.Int64

func TestMain(m *testing.M) {
	// What is set where the tests run must not change what they do.
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "POD_") || strings.HasPrefix(name, "KUBE") {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if program := os.Getenv(otherProgram); program != "" {
		return otherPrograms[program]()
	}
	start := func() (*k8sleadertest.Server, error) { return k8sleadertest.Start() }
	if kubeconfig := os.Getenv("K8SLEADER_TEST_KUBECONFIG"); kubeconfig != "" {
		onReal = true
		start = func() (*k8sleadertest.Server, error) { return k8sleadertest.Connect(kubeconfig) }
	}
	started, err := start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer started.Close()
	server = started
	// For the examples, which have no configuration.
	_ = os.Setenv("KUBECONFIG", started.Kubeconfig)
	// They mostly wait for leases to run out.
	_ = flag.Set("test.parallel", "16")
	code := m.Run()
	if code != 0 {
		return code
	}
	if left := goroutinesLeft(); left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", left)
		return 1
	}
	return 0
}

// goroutinesLeft gives the stacks of what still runs of this package, when all clients are closed but those that lead for
// life, and those that are left on purpose.
func goroutinesLeft() string {
	mayBe := int(leftBehind.Load())
	for limit := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		all := make([]byte, 1<<20)
		all = all[:runtime.Stack(all, true)]
		lives, clients := 0, 0
		var others []string
		for _, stack := range strings.Split(string(all), "\n\n")[1:] { // the first is our own
			switch {
			case strings.Contains(stack, "go-cgo.Become.func"):
				lives++
			case strings.Contains(stack, "go-cgo.(*core).run("):
				clients++
			case strings.Contains(stack, "k8sleadertest.(*Server)"):
			case strings.Contains(stack, "bindings/go-cgo"):
				others = append(others, stack)
			}
		}
		if len(others) == 0 && clients <= lives+mayBe {
			return ""
		}
		if time.Now().After(limit) {
			return fmt.Sprintf("%d clients, %d lead for life\n%s", clients, lives, strings.Join(others, "\n\n"))
		}
	}
}

// embedded is for what only the embedded server does.
func embedded(t testing.TB) {
	t.Helper()
	if onReal {
		t.Skip("only the embedded server has faults and users on demand")
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func configOf(s *k8sleadertest.Server) k8sleader.ClientConfig {
	return k8sleader.ClientConfig{Kubeconfig: s.Kubeconfig, Context: s.Context, Logger: quiet()}
}

func newClient(t testing.TB) *k8sleader.Client {
	t.Helper()
	return newClientOf(t, configOf(server))
}

func newClientOf(t testing.TB, config k8sleader.ClientConfig) *k8sleader.Client {
	t.Helper()
	client, err := k8sleader.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// within is a context that ends the test's waiting when something never happens.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

var noName = regexp.MustCompile("[^a-z0-9]+")

// lockOf is a lock of the test's own.
func lockOf(t testing.TB) string {
	name := strings.Trim(noName.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-")
	return fmt.Sprintf("%.50s-%d", name, time.Now().UnixNano()%1e9)
}

// options: with short durations, for locks that are to be lost or to run out.
func options(name, identity string) k8sleader.Options {
	return k8sleader.Options{Name: name, Identity: identity}
}

func short(o k8sleader.Options) k8sleader.Options {
	o.LeaseDuration, o.RenewDeadline, o.RetryPeriod = 4*time.Second, 3*time.Second, 500*time.Millisecond
	return o
}

func stand(t testing.TB, client *k8sleader.Client, o k8sleader.Options) *k8sleader.Election {
	t.Helper()
	election, err := client.Stand(o)
	if err != nil {
		t.Fatal(err)
	}
	return election
}

func lead(t testing.TB, election *k8sleader.Election) *k8sleader.Term {
	t.Helper()
	term, err := election.Wait(within(t))
	if err != nil {
		t.Fatalf("%s does not lead: %v", election.Identity(), err)
	}
	return term
}

func await(t testing.TB, what string, happened <-chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-time.After(patience):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%s: it did not happen\n%s", what, stacks[:runtime.Stack(stacks, true)])
	}
}

// awaitTrue is for what gives no event: counts of threads and descriptors, for instance.
func awaitTrue(t testing.TB, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%s: it did not happen", what)
		}
	}
}

func holder(t testing.TB, name string) string {
	t.Helper()
	found, err := server.Holder(within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// journal is what happened, in order.
type journal struct {
	mu      sync.Mutex
	entries []string
}

func (j *journal) add(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.entries, " ")
}

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
