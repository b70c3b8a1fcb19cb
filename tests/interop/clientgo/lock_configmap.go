//go:build configmaps

package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// newLock makes the lock of programs that are years old; --labels has no meaning here. client-go no longer has it, so
// that this is built against an older one: configmaps.mod.
func newLock(o *options, client kubernetes.Interface) resourcelock.Interface {
	return &resourcelock.ConfigMapLock{
		ConfigMapMeta: metav1.ObjectMeta{Name: o.name, Namespace: o.namespace},
		Client:        client.CoreV1(),
		LockConfig:    resourcelock.ResourceLockConfig{Identity: o.identity},
	}
}
