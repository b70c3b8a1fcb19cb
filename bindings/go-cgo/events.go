// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import "time"

// Event is something that happened in an election. Events tell, they decide nothing: whether somebody leads is asked of the
// Term, which knows by the clock. Since 1.0.
type Event struct {
	Type     EventType
	Election *Election
	Lock     string // "namespace/name"
	Time     time.Time
	Token    uint64 // of the term, where it has one
	Reason   Reason // EventStoppedLeading, EventLostDuringDrain
	Leader   string // EventNewLeader
	Err      error  // EventError: something is wrong, the election goes on
	Skipped  bool   // EventStartedLeading: outside a cluster, there was no election
	Missed   int    // how many events the stream dropped before this one
}

// EventType is a type of event. New ones may be added. Since 1.0.
type EventType int

// The types of events.
const (
	EventStartedLeading  EventType = C.K8SLEADER_EVENT_STARTED_LEADING
	EventStoppedLeading  EventType = C.K8SLEADER_EVENT_STOPPED_LEADING
	EventNewLeader       EventType = C.K8SLEADER_EVENT_NEW_LEADER
	EventError           EventType = C.K8SLEADER_EVENT_ERROR
	EventClosed          EventType = C.K8SLEADER_EVENT_CLOSED
	EventLostDuringDrain EventType = C.K8SLEADER_EVENT_LOST_DURING_DRAIN
)

// String is the type's name: "started_leading".
func (t EventType) String() string { return C.GoString(C.k8sleader_event_type_name(C.int(t))) }

// Reason says why leading stopped. Since 1.0.
type Reason int

// The reasons. What each means is said in k8sleader.h.
const (
	ReasonNone            Reason = C.K8SLEADER_REASON_NONE
	ReasonStop            Reason = C.K8SLEADER_REASON_STOP // asked for; the lock is still held
	ReasonLostDeadline    Reason = C.K8SLEADER_REASON_LOST_DEADLINE
	ReasonLostHolder      Reason = C.K8SLEADER_REASON_LOST_HOLDER
	ReasonLostLock        Reason = C.K8SLEADER_REASON_LOST_LOCK
	ReasonLostDuplicate   Reason = C.K8SLEADER_REASON_LOST_DUPLICATE
	ReasonLostCoordinated Reason = C.K8SLEADER_REASON_LOST_COORDINATED
	ReasonDrainTimeout    Reason = C.K8SLEADER_REASON_DRAIN_TIMEOUT
	ReasonLostPod         Reason = C.K8SLEADER_REASON_LOST_POD
)

// String is the reason's name: "lost_deadline".
func (r Reason) String() string { return C.GoString(C.k8sleader_reason_name(C.int(r))) }
