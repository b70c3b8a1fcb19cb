package main

import (
	"errors"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	tokenKey  = "cache.example.com/fencing-token"
	managedBy = "memcached-operator"
	selector  = "app.kubernetes.io/managed-by=" + managedBy
	image     = "docker.io/library/memcached:1.6-alpine"
	nameMost  = 63 // it becomes a label's value
	sizeMost  = 100
)

type object = map[string]any

// memcached is a Memcached as it was read.
type memcached struct {
	*unstructured.Unstructured
	name   string
	size   int64
	status object
}

// newMemcached refuses what the CRD's schema keeps out, as long as nobody edits the CRD.
func newMemcached(item *unstructured.Unstructured) (*memcached, error) {
	m := &memcached{Unstructured: item, name: item.GetName()}
	m.status, _ = item.Object["status"].(object)
	spec, _ := item.Object["spec"].(object)
	size, whole := spec["size"].(int64)
	if len(m.name) > nameMost {
		return nil, errors.New("its name is longer than 63 bytes")
	}
	if !whole || size < 0 || size > sizeMost {
		return nil, errors.New("spec.size is missing, no whole number, or not in 0..100")
	}
	m.size = size
	return m, nil
}

// deployment is what it is to have.
func (m *memcached) deployment(token uint64) *unstructured.Unstructured {
	name := func() object {
		return object{"app.kubernetes.io/name": "memcached", "app.kubernetes.io/instance": m.name}
	}
	labels := name()
	labels["app.kubernetes.io/managed-by"] = managedBy
	controller := true
	made := &unstructured.Unstructured{Object: object{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata": object{
			"name":        m.name,
			"labels":      labels,
			"annotations": object{tokenKey: strconv.FormatUint(token, 10)},
		},
		"spec": object{
			"replicas": m.size,
			"selector": object{"matchLabels": name()},
			"template": object{
				"metadata": object{"labels": name()},
				"spec": object{"containers": []any{object{
					"name": "memcached", "image": image, "args": []any{"--memory-limit=64"},
					"ports": []any{object{"name": "memcached", "containerPort": int64(11211)}},
				}}},
			},
		},
	}}
	// The garbage collector deletes it after its Memcached: the operator needs no right to delete.
	made.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "cache.example.com/v1alpha1", Kind: "Memcached",
		Name: m.name, UID: m.GetUID(), Controller: &controller}})
	return made
}
