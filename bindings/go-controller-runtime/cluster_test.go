// SPDX-License-Identifier: Apache-2.0

package k8sleadermanager_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	k8sleadermanager "k8sleader.test/bindings/go-controller-runtime"
)

// leasesOnly spares the embedded server the discovery it does not have.
func leasesOnly() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(coordinationv1.SchemeGroupVersion.WithKind("Lease"), meta.RESTScopeNamespace)
	return mapper
}

// steal gives the lease to somebody else, as a foreign hand would.
func steal(t *testing.T, lock string) {
	t.Helper()
	c, err := client.New(restConfig(t), client.Options{Mapper: leasesOnly()})
	if err != nil {
		t.Fatal(err)
	}
	for {
		var lease coordinationv1.Lease
		if err := c.Get(context.Background(), client.ObjectKey{Namespace: "default", Name: lock}, &lease); err != nil {
			t.Fatal(err)
		}
		thief := "thief"
		lease.Spec.HolderIdentity = &thief
		err := c.Update(context.Background(), &lease)
		if err == nil {
			return
		}
		if !apierrors.IsConflict(err) { // a renewal that was faster
			t.Fatal(err)
		}
	}
}

// reconciled is what a controller has done: who, for which object, with which token.
type reconciled struct {
	identity, name string
	token          uint64
}

func addController(t *testing.T, p *process, identity, label string, done chan<- reconciled) {
	t.Helper()
	reconciler := reconcile.Func(func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		term, ok := k8sleadermanager.TermOf(ctx)
		if !ok || !term.IsLeader() {
			return reconcile.Result{}, fmt.Errorf("%s works without leading", identity)
		}
		token, err := term.FencingToken()
		done <- reconciled{identity, request.Name, token}
		return reconcile.Result{}, err
	})
	skip := true // two managers in one process: names of controllers are global otherwise
	mine := predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetLabels()["test"] == label })
	err := ctrl.NewControllerManagedBy(p).Named("configmaps").For(&corev1.ConfigMap{}, builder.WithPredicates(mine)).
		WithOptions(controller.Options{SkipNameValidation: &skip}).Complete(reconciler)
	if err != nil {
		t.Fatal(err)
	}
}

func TestAControllerReconcilesOnTheLeaderOnly(t *testing.T) {
	if !onReal {
		t.Skip("needs a real control plane: K8SLEADER_TEST_KUBECONFIG names none")
	}
	lock := lockOf(t)
	a, b := newProcess(t, lock, "a"), newProcess(t, lock, "b")
	done := make(chan reconciled, 100)
	addController(t, a, "a", lock, done)
	addController(t, b, "b", lock, done)
	c, err := client.New(restConfig(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	create := func(name string) {
		t.Helper()
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: lock + name, Labels: map[string]string{"test": lock}}}
		if err := c.Create(context.Background(), object); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Delete(context.Background(), object) })
	}
	next := func() reconciled {
		t.Helper()
		select {
		case one := <-done:
			return one
		case <-time.After(patience):
			t.Fatal("nothing is reconciled")
			return reconciled{}
		}
	}

	a.start(t)
	await(t, "leading", a.Elected())
	b.start(t)
	create("-1")
	first := next()
	if first.identity != "a" || first.name != lock+"-1" {
		t.Errorf("%+v", first)
	}
	a.cancel()
	if err := a.awaitEnd(t); err != nil {
		t.Error(err)
	}
	await(t, "the handover", b.Elected())
	create("-2")
	seen := map[string]bool{}
	for len(seen) < 2 {
		one := next()
		if one.identity != "b" || one.token <= first.token {
			t.Errorf("%+v after %+v", one, first)
		}
		seen[one.name] = true
	}
	b.cancel()
	if err := b.awaitEnd(t); err != nil {
		t.Error(err)
	}
}
