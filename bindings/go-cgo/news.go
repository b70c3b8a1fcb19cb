// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package k8sleader

import (
	"runtime/debug"
	"sync"
	"time"
)

// How long Run waits for an OnNewLeader that runs: for ever would make a program that is stuck there never end.
const newsPatience = time.Second

// news tells OnNewLeader, on a goroutine of its own: what it does delays no release.
type news struct {
	stop, ended chan struct{}
	failed      chan struct{} // closed by a panic, when value is there
	value       any

	mu   sync.Mutex
	left bool // Run has returned, nobody is there to go on with a panic
}

func startNews(election *Election, tell func(string), panicked func()) *news {
	n := &news{stop: make(chan struct{}), ended: make(chan struct{}), failed: make(chan struct{})}
	if tell == nil {
		close(n.ended)
		return n
	}
	go func() {
		defer close(n.ended)
		defer func() {
			if n.value = recover(); n.value != nil {
				election.core.logs.logger.Error("OnNewLeader panicked", "panic", n.value, "stack", string(debug.Stack()))
				n.mu.Lock()
				defer n.mu.Unlock()
				if n.left {
					panic(n.value)
				}
				close(n.failed)
				panicked()
			}
		}()
		n.follow(election, tell)
	}()
	return n
}

func (n *news) follow(election *Election, tell func(string)) {
	told := ""
	for {
		election.mu.Lock()
		leader, changed, over := election.leader, election.changed, election.over
		election.mu.Unlock()
		if leader != "" && leader != told {
			told = leader
			tell(leader)
			continue
		}
		if over {
			return
		}
		select {
		case <-changed:
		case <-n.stop:
			return
		}
	}
}

// end ends it, and waits for what runs, within bounds.
func (n *news) end() {
	close(n.stop)
	timer := time.NewTimer(newsPatience)
	defer timer.Stop()
	select {
	case <-n.ended:
	case <-timer.C:
		n.mu.Lock()
		n.left = true
		n.mu.Unlock()
	}
}

// rethrow goes on with a panic, if there was one.
func (n *news) rethrow() {
	select {
	case <-n.failed:
		panic(n.value)
	default:
	}
}
