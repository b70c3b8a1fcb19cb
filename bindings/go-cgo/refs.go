// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package k8sleader

import "sync/atomic"

// refs says how many use an object of the library, its owner included. The last one frees it: a call that is under way on
// one goroutine is never left without its object by another.
type refs struct{ n atomic.Int64 }

func (r *refs) init() { r.n.Store(1) }

// acquire says whether the object is there; it then stays until release.
func (r *refs) acquire() bool {
	for {
		n := r.n.Load()
		if n == 0 {
			return false
		}
		if r.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release says whether this was the last one, who frees the object.
func (r *refs) release() bool { return r.n.Add(-1) == 0 }
