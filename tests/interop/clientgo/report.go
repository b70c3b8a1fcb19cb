package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// line is one event. There is no token: client-go knows no fencing.
type line struct {
	Time     json.RawMessage `json:"time"`
	Event    string          `json:"event"`
	Lock     string          `json:"lock"`
	Identity string          `json:"identity"`
	Reason   string          `json:"reason,omitempty"`
	Leader   *string         `json:"leader,omitempty"`
}

// report prints events, one object a line. client-go runs the start's callback on a goroutine of its own, so that it
// may come after the stop's, and calls the latter also for who never led; here the two alternate.
type report struct {
	mutex          sync.Mutex
	lock, identity string
	out            io.Writer
	leads, ended   bool
	reason         string
}

func newReport(lock, identity string, out io.Writer) *report {
	return &report{lock: lock, identity: identity, out: out, reason: "lost"}
}

// say is called with the mutex held, so that lines come in the order of their times.
func (r *report) say(l line) {
	now := time.Now()
	l.Time = fmt.Appendf(nil, "%d.%06d", now.Unix(), now.Nanosecond()/1000)
	l.Lock, l.Identity = r.lock, r.identity
	text, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(r.out, "%s\n", text)
}

func (r *report) started() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.ended {
		return
	}
	r.leads = true
	r.say(line{Event: "started_leading"})
}

func (r *report) cancelled() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.reason = "stop"
	r.say(line{Event: "cancelled"})
}

func (r *report) stopped() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.ended = true
	if r.leads {
		r.leads = false
		r.say(line{Event: "stopped_leading", Reason: r.reason})
	}
}

func (r *report) newLeader(identity string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.say(line{Event: "new_leader", Leader: &identity})
}
