// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// core is what a client's one goroutine needs. It does not know the Client, so that one can be forgotten.
//
// The goroutine waits on the library's descriptor in the runtime's poller: it holds no thread while it waits, and no thread
// of the library's ever runs Go. Locks, in the order of their taking: core.mu, then an election's, then a term's. None is
// held while anything waits, nor while code of users runs.
type core struct {
	refs refs
	ptr  *C.k8sleader_client
	file *os.File // the library's descriptor, duplicated: closing it ends the wait
	logs *logSink

	ending atomic.Bool
	over   chan struct{}

	mu        sync.Mutex
	ended     bool
	lastID    uintptr
	elections map[uintptr]*Election
	streams   map[*EventStream]struct{}
}

func newCore(ptr *C.k8sleader_client, logs *logSink) (*core, error) {
	fd := C.k8sleader_client_get_fd(ptr)
	if fd < 0 {
		return nil, errorOf(fd, nil)
	}
	file, err := pollable(int(fd))
	if err != nil {
		return nil, &Error{Code: CodeNoMemory, Message: "the library's descriptor can't be waited for: " + err.Error()}
	}
	c := &core{ptr: ptr, file: file, logs: logs, over: make(chan struct{}),
		elections: map[uintptr]*Election{}, streams: map[*EventStream]struct{}{}}
	c.refs.init()
	go c.run()
	return c, nil
}

// pollable duplicates the descriptor for the runtime's poller. The description is shared with the library's and does not
// block already: os.NewFile sees that, and registers it.
func pollable(fd int) (*os.File, error) {
	const dupCloexec = 1030 // F_DUPFD_CLOEXEC, which package syscall does not name everywhere
	number, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), dupCloexec, 0)
	if errno != 0 {
		return nil, errno
	}
	file := os.NewFile(number, "k8sleader-events")
	// Only what is registered takes a deadline; else a goroutine would hold a thread.
	if err := file.SetReadDeadline(time.Time{}); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func (c *core) release() {
	if c.refs.release() {
		C.k8sleader_client_free(c.ptr)
	}
}

// end makes the goroutine end everything now. Again is fine.
func (c *core) end() {
	c.ending.Store(true)
	_ = c.file.Close()
}

func (c *core) run() {
	if raw, err := c.file.SyscallConn(); err == nil {
		// The poller tells of edges, and take() empties the queue: what comes after it looked is another edge.
		_ = raw.Read(func(uintptr) bool { return c.take() })
	}
	c.finish()
}

// take delivers what there is, and says whether nothing more will come.
func (c *core) take() bool {
	var raw C.go_event
	for !c.ending.Load() {
		switch code := C.go_next_event(c.ptr, &raw); code {
		case C.K8SLEADER_OK:
			c.deliver(&raw)
			C.k8sleader_event_unref(raw.event)
		case C.K8SLEADER_ERR_TIMEOUT:
			return false
		case C.K8SLEADER_ERR_WOKEN:
		default:
			return true
		}
	}
	return true
}

func (c *core) deliver(raw *C.go_event) {
	c.mu.Lock()
	election := c.elections[uintptr(raw.id)]
	c.mu.Unlock()
	lock := ""
	if election != nil {
		lock = election.lock
	}
	at := time.UnixMicro(int64(raw.time_us))
	if raw._type == C.K8SLEADER_EVENT_LOG {
		c.logs.add(at, slogLevel(raw.level), C.GoString(raw.message), lock)
		return
	}
	if election == nil {
		return // given up since
	}
	event := Event{Type: EventType(raw._type), Election: election, Lock: lock, Time: at, Token: uint64(raw.token),
		Reason: Reason(raw.reason), Leader: C.GoString(raw.leader), Skipped: raw.skipped != 0}
	if raw.error != nil {
		event.Err = errorOf(0, raw.error)
	}
	election.note(event)
	c.tell(event)
}

// tell gives an event to those who listen.
func (c *core) tell(event Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for stream := range c.streams {
		if stream.add(event) {
			delete(c.streams, stream)
		}
	}
}

// finish is the goroutine's last act. Who still leads hears of it before the library does.
func (c *core) finish() {
	c.mu.Lock()
	c.ended = true
	left := make([]*Election, 0, len(c.elections))
	for _, election := range c.elections {
		left = append(left, election)
	}
	c.mu.Unlock()
	for _, election := range left {
		election.Abandon()
	}
	_ = c.file.Close()
	c.release()
	c.mu.Lock()
	for stream := range c.streams {
		stream.end()
	}
	c.mu.Unlock()
	close(c.over)
}

// start begins an election under a number of its own. The mutex is held: no event of it is delivered before it is known.
func (c *core) start(client *Client, options *C.k8sleader_options) (*Election, error) {
	if !c.refs.acquire() {
		return nil, ErrClosed
	}
	defer c.release()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil, ErrClosed
	}
	c.lastID++
	var ptr *C.k8sleader_election
	var failure *C.k8sleader_error
	code := C.go_election_start(c.ptr, options, C.uintptr_t(c.lastID), &ptr, &failure)
	if err := takeError(code, failure); err != nil {
		return nil, err
	}
	election := newElection(client, c.lastID, ptr)
	c.elections[c.lastID] = election
	return election, nil
}

// forget is called before an election's end: nothing is delivered to it any more.
func (c *core) forget(id uintptr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.elections, id)
}

// endStreams is for an election that ends without a last event.
func (c *core) endStreams(election *Election) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for stream := range c.streams {
		if stream.election == election {
			stream.end()
			delete(c.streams, stream)
		}
	}
}
