// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"fmt"
	"time"
	"unsafe"
)

// Options say what to stand for. Since 1.0.
type Options struct {
	// Name of the lock; needed. A DNS subdomain.
	Name string
	// Namespace of the lock. Default: POD_NAMESPACE, then the service account's, then that of the kubeconfig context, if
	// one is named in ClientConfig.
	Namespace string
	// Identity: who we are, unique among the candidates. Default: the host's name and a UUID, made anew for each election.
	Identity string

	// LeaseDuration: how long a lock that is not renewed stays taken. Default 15 s; written rounded up to whole seconds.
	LeaseDuration time.Duration
	// RenewDeadline: how long a leader goes on without a renewal. Default 10 s; less than LeaseDuration.
	RenewDeadline time.Duration
	// RetryPeriod: how often a leader renews. Default 2 s; 1.2 times it must be less than RenewDeadline.
	RetryPeriod time.Duration
	// DrainTimeout: how long after a stop the work may take to end. Default 30 s. When it passes the lock is not released,
	// but runs out.
	DrainTimeout time.Duration

	// LockResource: "leases" (default), or "configmaps" for the lock of older programs.
	LockResource string
	// Once: the election ends with its first term, also when that was lost; otherwise it stands again, after the hand-back.
	Once bool
	// Resume: a lock found at the start under our own identity is taken at once. Only safe when the earlier process is
	// known to be dead.
	Resume bool
	// Labels for the lock object, written when it is acquired; others' labels are kept.
	Labels map[string]string

	// ForLife: leader-for-life. The lock is a ConfigMap that our Pod owns, until that Pod is gone; durations and identity
	// have no meaning. Who the Pod is comes from POD_NAME, POD_UID and POD_NAMESPACE.
	ForLife bool
	// DeleteLeaderPod: a leader's Pod that has ended but is still there is deleted together with its lock. ForLife only.
	DeleteLeaderPod bool
	// TakeFromLostNode: take over from a Pod on a node that is not Ready, where it may still run. ForLife only.
	TakeFromLostNode bool
}

// milliseconds never makes nothing of something: the library is to refuse what is too short.
func milliseconds(d time.Duration) C.int64_t {
	if d > 0 && d < time.Millisecond {
		return 1
	}
	return C.int64_t(d.Milliseconds())
}

// optionsText sets one option that is a text, or says why not.
func optionsText(what, text string, set func(*C.char) C.int) error {
	if text == "" {
		return nil
	}
	if err := checkText(what, text); err != nil {
		return err
	}
	value := C.CString(text)
	defer C.free(unsafe.Pointer(value))
	if code := set(value); code < 0 {
		return &Error{Code: Code(code), Message: fmt.Sprintf("%s can't be %q", what, text)}
	}
	return nil
}

func flag(set bool) C.int {
	if set {
		return 1
	}
	return 0
}

// make gives the library's form of the options, to be freed.
func (o *Options) make() (*C.k8sleader_options, error) {
	if err := checkText("the lock's name", o.Name); err != nil {
		return nil, err
	}
	mode := C.int(C.K8SLEADER_LEASE)
	if o.ForLife {
		mode = C.K8SLEADER_FOR_LIFE
	}
	name := C.CString(o.Name)
	defer C.free(unsafe.Pointer(name))
	made := C.k8sleader_options_new(mode, name)
	if made == nil {
		return nil, &Error{Code: CodeNoMemory}
	}
	if err := o.fill(made); err != nil {
		C.k8sleader_options_free(made)
		return nil, err
	}
	return made, nil
}

func (o *Options) fill(made *C.k8sleader_options) error {
	texts := []struct {
		what, text string
		set        func(*C.char) C.int
	}{
		{"the namespace", o.Namespace, func(s *C.char) C.int { return C.k8sleader_options_set_namespace(made, s) }},
		{"the identity", o.Identity, func(s *C.char) C.int { return C.k8sleader_options_set_identity(made, s) }},
		{"the lock's resource", o.LockResource, func(s *C.char) C.int { return C.k8sleader_options_set_lock_resource(made, s) }},
	}
	for _, t := range texts {
		if err := optionsText(t.what, t.text, t.set); err != nil {
			return err
		}
	}
	durations := []struct {
		what  string
		value time.Duration
		set   func(C.int64_t) C.int
	}{
		{"LeaseDuration", o.LeaseDuration, func(ms C.int64_t) C.int { return C.k8sleader_options_set_lease_duration_ms(made, ms) }},
		{"RenewDeadline", o.RenewDeadline, func(ms C.int64_t) C.int { return C.k8sleader_options_set_renew_deadline_ms(made, ms) }},
		{"RetryPeriod", o.RetryPeriod, func(ms C.int64_t) C.int { return C.k8sleader_options_set_retry_period_ms(made, ms) }},
		{"DrainTimeout", o.DrainTimeout, func(ms C.int64_t) C.int { return C.k8sleader_options_set_drain_timeout_ms(made, ms) }},
	}
	for _, d := range durations {
		if d.value == 0 {
			continue
		}
		if d.value < 0 {
			return &Error{Code: CodeDuration, Message: d.what + " is negative: " + d.value.String()}
		}
		if err := takeError(d.set(milliseconds(d.value)), nil); err != nil {
			return err
		}
	}
	for key, value := range o.Labels {
		if err := checkText("the label", key+value); err != nil {
			return err
		}
		if err := o.label(made, key, value); err != nil {
			return err
		}
	}
	codes := []C.int{C.k8sleader_options_set_rejoin(made, flag(!o.Once)), C.k8sleader_options_set_resume(made, flag(o.Resume))}
	if o.ForLife {
		codes = append(codes, C.k8sleader_options_set_delete_leader_pod(made, flag(o.DeleteLeaderPod)),
			C.k8sleader_options_set_take_from_lost_node(made, flag(o.TakeFromLostNode)))
	}
	for _, code := range codes {
		if err := takeError(code, nil); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) label(made *C.k8sleader_options, key, value string) error {
	k, v := C.CString(key), C.CString(value)
	defer C.free(unsafe.Pointer(k))
	defer C.free(unsafe.Pointer(v))
	return takeError(C.k8sleader_options_set_label(made, k, v), nil)
}
