// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"context"
	"math"
	"time"
	"unsafe"
)

// Lock is who holds which lock, as the server said it once. Since 1.0.
type Lock struct {
	Namespace, Name string
	Holder          string    // "" for none; it may be dead: see Renewed
	Acquired        time.Time // by the holder's clock; zero when not recorded
	Renewed         time.Time // by the holder's clock; zero when not recorded
	LeaseDuration   time.Duration
	Transitions     int64
}

// LockQuery says which locks. Since 1.0.
type LockQuery struct {
	Namespace string // default: as for an election
	Name      string // default: all there are
	Resource  string // "leases" (default) or "configmaps"
}

const lockPatience = 10 * time.Second

// Locks asks the server once who holds the locks of a namespace. It waits ten seconds at most. When ctx is cancelled before,
// it returns at once, and the question ends by itself.
func (c *Client) Locks(ctx context.Context, query LockQuery) ([]Lock, error) {
	if err := checkText("the query", query.Namespace+query.Name+query.Resource); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !c.core.refs.acquire() {
		return nil, ErrClosed
	}
	patience := lockPatience
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, max(time.Until(deadline), time.Millisecond))
	}
	type answer struct {
		locks []Lock
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		defer c.core.release()
		locks, err := c.core.askLocks(query, patience)
		answers <- answer{locks, err}
	}()
	select {
	case a := <-answers:
		return a.locks, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *core) askLocks(query LockQuery, patience time.Duration) ([]Lock, error) {
	resource, namespace, name := cText(query.Resource), cText(query.Namespace), cText(query.Name)
	defer C.free(unsafe.Pointer(resource))
	defer C.free(unsafe.Pointer(namespace))
	defer C.free(unsafe.Pointer(name))
	var list *C.k8sleader_lock_list
	var failure *C.k8sleader_error
	code := C.k8sleader_client_list_locks(c.ptr, resource, namespace, name, milliseconds(patience), &list, &failure)
	if err := takeError(code, failure); err != nil {
		return nil, err
	}
	defer C.k8sleader_lock_list_free(list)
	locks := make([]Lock, int(C.k8sleader_lock_list_count(list)))
	for i := range locks {
		n := C.size_t(i)
		locks[i] = Lock{
			Namespace:     C.GoString(C.k8sleader_lock_list_namespace(list, n)),
			Name:          C.GoString(C.k8sleader_lock_list_name(list, n)),
			Holder:        C.GoString(C.k8sleader_lock_list_holder(list, n)),
			Acquired:      timeOf(C.k8sleader_lock_list_acquire_time_us(list, n)),
			Renewed:       timeOf(C.k8sleader_lock_list_renew_time_us(list, n)),
			LeaseDuration: duration(C.k8sleader_lock_list_lease_duration_ms(list, n)),
			Transitions:   int64(C.k8sleader_lock_list_transitions(list, n)),
		}
	}
	return locks, nil
}

func timeOf(us C.int64_t) time.Time {
	if us == math.MinInt64 {
		return time.Time{}
	}
	return time.UnixMicro(int64(us))
}
