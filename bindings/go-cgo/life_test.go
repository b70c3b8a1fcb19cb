// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
	"k8sleader.test/bindings/go-cgo/k8sleadertest"
)

// newPod makes a Pod that runs, and makes this process think it is in there.
func newPod(t *testing.T, name string) {
	t.Helper()
	const pods = "/api/v1/namespaces/default/pods"
	pod, err := server.Request(within(t), http.MethodPost, pods, k8sleadertest.Object{
		"apiVersion": "v1", "kind": "Pod", "metadata": k8sleadertest.Object{"name": name},
		"spec":   k8sleadertest.Object{"containers": []any{k8sleadertest.Object{"name": "main", "image": "main"}}},
		"status": k8sleadertest.Object{"phase": "Running"},
	})
	must(t, err)
	become(t, name, pod["metadata"].(k8sleadertest.Object)["uid"].(string))
}

func become(t *testing.T, name, uid string) {
	t.Setenv("POD_NAME", name)
	t.Setenv("POD_UID", uid)
	t.Setenv("POD_NAMESPACE", "default")
}

func TestBecomeLeadsUntilThePodIsGone(t *testing.T) {
	name := lockOf(t)
	newPod(t, name+"-1")
	client := newClient(t)
	term, err := client.Become(within(t), name)
	must(t, err)
	if !term.IsLeader() || term.Skipped() || term.TimeLeft() < 24*365*time.Hour {
		t.Errorf("leads %v, skipped %v, left %v", term.IsLeader(), term.Skipped(), term.TimeLeft())
	}
	if token, err := term.FencingToken(); err != nil || token == 0 {
		t.Errorf("%d, %v", token, err)
	}

	newPod(t, name+"-2")
	second := newClient(t)
	soon, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := second.Become(soon, name); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside a leader: %v", err)
	}
	became := make(chan *k8sleader.Term, 1)
	go func() {
		term, err := second.Become(within(t), name)
		if err != nil {
			t.Error(err)
		}
		became <- term
	}()
	_, err = server.Request(within(t), http.MethodDelete, "/api/v1/namespaces/default/pods/"+name+"-1?gracePeriodSeconds=0", nil)
	must(t, err)
	select {
	case next := <-became:
		if next == nil || !next.IsLeader() {
			t.Error("the next does not lead")
		}
	case <-time.After(patience):
		t.Fatal("nobody takes over")
	}
}

func TestBecomeOfThePackage(t *testing.T) {
	newPod(t, lockOf(t))
	t.Setenv("KUBECONFIG", server.Kubeconfig)
	must(t, k8sleader.Become(within(t), lockOf(t)))
}

func TestOutsideAClusterThereIsNoElection(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("HOME", t.TempDir())
	client := newClientOf(t, k8sleader.ClientConfig{Logger: quiet()})
	term, err := client.Become(within(t), "any")
	must(t, err)
	if token, err := term.FencingToken(); !term.Skipped() || !term.IsLeader() || token != 0 || err != nil {
		t.Errorf("skipped %v, leads %v, token %d, %v", term.Skipped(), term.IsLeader(), token, err)
	}
	must(t, k8sleader.Become(within(t), "any"))
}

func TestBecomeEndsAtWhatWaitingDoesNotMend(t *testing.T) {
	// Half of what a Pod knows is not outside of a cluster.
	t.Setenv("POD_NAMESPACE", "default")
	if _, err := newClient(t).Become(within(t), lockOf(t)); !errors.Is(err, k8sleader.ErrNoPod) {
		t.Errorf("without a Pod's name: %v", err)
	}
	become(t, "no-such-pod", "0")
	if _, err := newClient(t).Become(within(t), lockOf(t)); !errors.Is(err, k8sleader.ErrNoPod) {
		t.Errorf("without the Pod: %v", err)
	}
	if _, err := newClient(t).Become(within(t), "No Name"); !errors.Is(err, k8sleader.ErrName) {
		t.Errorf("a bad name: %v", err)
	}
}
