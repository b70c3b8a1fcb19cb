// SPDX-License-Identifier: Apache-2.0

package k8sleadermanager_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	coordinationv1 "k8s.io/api/coordination/v1"

	k8sleader "k8sleader.test/bindings/go-cgo"
	"k8sleader.test/bindings/go-cgo/k8sleadertest"
	k8sleadermanager "k8sleader.test/bindings/go-controller-runtime"
)

const patience = 120 * time.Second

// Where the cluster is: a real control plane, if K8SLEADER_TEST_KUBECONFIG names one, else the embedded server.
var (
	kubeconfig string
	onReal     bool
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	kubeconfig = os.Getenv("K8SLEADER_TEST_KUBECONFIG")
	if onReal = kubeconfig != ""; !onReal {
		server, err := k8sleadertest.Start()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer server.Close()
		kubeconfig = server.Kubeconfig
	}
	return m.Run()
}

func restConfig(t *testing.T) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

var noName = regexp.MustCompile("[^a-z0-9]+")

func lockOf(t *testing.T) string {
	name := strings.Trim(noName.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-")
	return fmt.Sprintf("%.40s-%d", name, time.Now().UnixNano()%1e9)
}

// process is a Manager as one process would have it.
type process struct {
	*k8sleadermanager.Manager
	cancel context.CancelFunc
	ran    chan error
}

func newProcess(t *testing.T, lock, identity string) *process {
	t.Helper()
	wrapped, err := ctrl.NewManager(restConfig(t), ctrl.Options{Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	leading, err := k8sleadermanager.New(wrapped, k8sleadermanager.Options{Election: k8sleader.Options{
		Name: lock, Namespace: "default", Identity: identity,
		LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: 500 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	return &process{Manager: leading, ran: make(chan error, 1)}
}

func (p *process) start(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	p.cancel = cancel
	go func() { p.ran <- p.Start(ctx) }()
}

func (p *process) awaitEnd(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.ran:
		return err
	case <-time.After(patience):
		t.Fatal("the manager does not end")
		return nil
	}
}

func await(t *testing.T, what string, happened <-chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-time.After(patience):
		t.Fatalf("%s: it did not happen", what)
	}
}

// task is a runnable that says when it runs, and may take its time to end.
type task struct {
	election          bool
	started, mayEnd   chan struct{}
	token             uint64
	failure, hadCause error
}

func newTask(election bool) *task {
	ended := make(chan struct{})
	close(ended)
	return &task{election: election, started: make(chan struct{}), mayEnd: ended}
}

func (k *task) NeedLeaderElection() bool { return k.election }

func (k *task) Start(ctx context.Context) error {
	if term, ok := k8sleadermanager.TermOf(ctx); ok {
		k.token, _ = term.FencingToken()
	}
	close(k.started)
	if k.failure != nil {
		return k.failure
	}
	<-ctx.Done()
	k.hadCause = context.Cause(ctx)
	<-k.mayEnd
	return nil
}

func holder(t *testing.T, lock string) string {
	t.Helper()
	c, err := client.New(restConfig(t), client.Options{Mapper: leasesOnly()})
	if err != nil {
		t.Fatal(err)
	}
	var lease coordinationv1.Lease
	if err := c.Get(context.Background(), client.ObjectKey{Namespace: "default", Name: lock}, &lease); err != nil {
		t.Fatal(err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func TestRunnablesStartAndEndWithTheElection(t *testing.T) {
	lock := lockOf(t)
	a, b := newProcess(t, lock, "a"), newProcess(t, lock, "b")
	first, second, always := newTask(true), newTask(true), newTask(false)
	first.mayEnd = make(chan struct{})
	for _, err := range []error{a.Add(first), b.Add(second), b.Add(always)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	a.start(t)
	await(t, "the first's work", first.started)
	await(t, "Elected", a.Elected())
	if first.token == 0 {
		t.Error("it has no fencing token")
	}
	late := newTask(true)
	if err := a.Add(late); err != nil {
		t.Fatal(err)
	}
	await(t, "what was added late", late.started)
	b.start(t)
	await(t, "what needs no election", always.started)

	// The work may end when it likes, longer than the lease.
	a.cancel()
	select {
	case <-second.started:
		t.Fatal("another leads while the work runs")
	case <-b.Elected():
		t.Fatal("another is elected while the work runs")
	case <-time.After(6 * time.Second):
	}
	if found := holder(t, lock); found != "a" {
		t.Errorf("held by %q while the work runs", found)
	}
	close(first.mayEnd)
	ended := time.Now()
	await(t, "the second's work", second.started)
	t.Logf("handover after %v", time.Since(ended))
	if err := a.awaitEnd(t); err != nil {
		t.Error(err)
	}
	if second.token <= first.token {
		t.Errorf("the token did not grow: %d, then %d", first.token, second.token)
	}
	b.cancel()
	if err := b.awaitEnd(t); err != nil {
		t.Error(err)
	}
	if found := holder(t, lock); found != "" {
		t.Errorf("held by %q at the end", found)
	}
}

func TestALossEndsTheManager(t *testing.T) {
	lock := lockOf(t)
	a := newProcess(t, lock, "a")
	work := newTask(true)
	if err := a.Add(work); err != nil {
		t.Fatal(err)
	}
	a.start(t)
	await(t, "the work", work.started)
	steal(t, lock)
	var lost *k8sleader.LostError
	if err := a.awaitEnd(t); !errors.As(err, &lost) || lost.Reason != k8sleader.ReasonLostHolder {
		t.Errorf("Start: %v", err)
	}
	if !errors.As(work.hadCause, &lost) {
		t.Errorf("cause: %v", work.hadCause)
	}
}

func TestAFailureReleasesAndEndsTheManager(t *testing.T) {
	lock := lockOf(t)
	a := newProcess(t, lock, "a")
	work := newTask(true)
	work.failure = errors.New("work")
	if err := errors.Join(a.Add(work), a.Add(newTask(true))); err != nil {
		t.Fatal(err)
	}
	a.start(t)
	if err := a.awaitEnd(t); !errors.Is(err, work.failure) {
		t.Errorf("Start: %v", err)
	}
	if found := holder(t, lock); found != "" {
		t.Errorf("held by %q", found)
	}
}

func TestAStandbyEnds(t *testing.T) {
	lock := lockOf(t)
	a, b := newProcess(t, lock, "a"), newProcess(t, lock, "b")
	work, none := newTask(true), newTask(true)
	if err := errors.Join(a.Add(work), b.Add(none)); err != nil {
		t.Fatal(err)
	}
	a.start(t)
	await(t, "the work", work.started)
	b.start(t)
	b.cancel()
	if err := b.awaitEnd(t); err != nil {
		t.Error(err)
	}
	select {
	case <-none.started:
		t.Error("it worked")
	default:
	}
	a.cancel()
	if err := a.awaitEnd(t); err != nil {
		t.Error(err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	config := restConfig(t)
	config.Username = "user"
	if _, err := k8sleadermanager.ClientConfigOf(config); err == nil {
		t.Error("a password was not refused")
	}
	wrapped, err := manager.New(restConfig(t), manager.Options{Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k8sleadermanager.New(wrapped, k8sleadermanager.Options{}); err == nil {
		t.Error("a lock without a name was not refused")
	}
}
