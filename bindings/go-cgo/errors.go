// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"fmt"
	"strings"
)

// Error is what the library has to say about a failure. Compare with errors.Is and one of the Err values below, or look at
// it with errors.As. Since 1.0.
type Error struct {
	Code       Code
	Message    string // one line for a person: what went wrong and what to do about it; never holds a credential
	HTTPStatus int    // of the answer behind it; 0 when there was none
	Retriable  bool   // the same call may succeed later without a change by anybody
}

// Error is the text.
func (e *Error) Error() string {
	if e.Message == "" {
		return "k8sleader: " + strings.ToLower(strings.ReplaceAll(e.Code.String(), "_", " "))
	}
	return "k8sleader: " + e.Message
}

// Is says whether target is the same kind of error: the one of this code.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// Code tells failures apart. New ones may be added. Since 1.0.
type Code int

// String is the code's name: "FORBIDDEN".
func (c Code) String() string {
	return C.GoString(C.k8sleader_error_name(C.int(c)))
}

// The codes. What each means is said in k8sleader.h.
const (
	CodeArgument Code = C.K8SLEADER_ERR_ARGUMENT
	CodeNoMemory Code = C.K8SLEADER_ERR_NO_MEMORY
	CodeForked   Code = C.K8SLEADER_ERR_FORKED
	CodeClosed   Code = C.K8SLEADER_ERR_CLOSED
	CodeTimeout  Code = C.K8SLEADER_ERR_TIMEOUT

	CodeNoConfig    Code = C.K8SLEADER_ERR_NO_CONFIG
	CodeFile        Code = C.K8SLEADER_ERR_FILE
	CodeConfig      Code = C.K8SLEADER_ERR_CONFIG
	CodeUnsupported Code = C.K8SLEADER_ERR_UNSUPPORTED

	CodeOption      Code = C.K8SLEADER_ERR_OPTION
	CodeDuration    Code = C.K8SLEADER_ERR_DURATION
	CodeName        Code = C.K8SLEADER_ERR_NAME
	CodeIdentity    Code = C.K8SLEADER_ERR_IDENTITY
	CodeNamespace   Code = C.K8SLEADER_ERR_NAMESPACE
	CodeNoNamespace Code = C.K8SLEADER_ERR_NO_NAMESPACE

	CodeResolve           Code = C.K8SLEADER_ERR_RESOLVE
	CodeConnect           Code = C.K8SLEADER_ERR_CONNECT
	CodeRequestTimeout    Code = C.K8SLEADER_ERR_REQUEST_TIMEOUT
	CodeTLS               Code = C.K8SLEADER_ERR_TLS
	CodeTLSUntrusted      Code = C.K8SLEADER_ERR_TLS_UNTRUSTED
	CodeTLSExpired        Code = C.K8SLEADER_ERR_TLS_EXPIRED
	CodeTLSHost           Code = C.K8SLEADER_ERR_TLS_HOST
	CodeUnauthorized      Code = C.K8SLEADER_ERR_UNAUTHORIZED
	CodeForbidden         Code = C.K8SLEADER_ERR_FORBIDDEN
	CodeNamespaceNotFound Code = C.K8SLEADER_ERR_NAMESPACE_NOT_FOUND
	CodeThrottled         Code = C.K8SLEADER_ERR_THROTTLED
	CodeServer            Code = C.K8SLEADER_ERR_SERVER
	CodeNotKubernetes     Code = C.K8SLEADER_ERR_NOT_KUBERNETES
	CodeProtocol          Code = C.K8SLEADER_ERR_PROTOCOL
	CodeTooLarge          Code = C.K8SLEADER_ERR_TOO_LARGE
	CodeInvalid           Code = C.K8SLEADER_ERR_INVALID

	CodeDuplicateIdentity Code = C.K8SLEADER_ERR_DUPLICATE_IDENTITY
	CodeCoordinated       Code = C.K8SLEADER_ERR_COORDINATED
	CodeFencingToken      Code = C.K8SLEADER_ERR_FENCING_TOKEN
	CodeNotLeader         Code = C.K8SLEADER_ERR_NOT_LEADER
	CodeWatchForbidden    Code = C.K8SLEADER_ERR_WATCH_FORBIDDEN
	CodeTightDurations    Code = C.K8SLEADER_ERR_TIGHT_DURATIONS
	CodeForeignLock       Code = C.K8SLEADER_ERR_FOREIGN_LOCK
	CodeNoPod             Code = C.K8SLEADER_ERR_NO_POD
	CodePodEnding         Code = C.K8SLEADER_ERR_POD_ENDING
	CodeLockOwner         Code = C.K8SLEADER_ERR_LOCK_OWNER
	CodePodsForbidden     Code = C.K8SLEADER_ERR_PODS_FORBIDDEN
)

// For errors.Is. Those of codes that have none here are &Error{Code: …}.
var (
	ErrClosed            error = &Error{Code: CodeClosed}
	ErrNoConfig          error = &Error{Code: CodeNoConfig}
	ErrFile              error = &Error{Code: CodeFile}
	ErrConfig            error = &Error{Code: CodeConfig}
	ErrUnsupported       error = &Error{Code: CodeUnsupported}
	ErrDuration          error = &Error{Code: CodeDuration}
	ErrName              error = &Error{Code: CodeName}
	ErrIdentity          error = &Error{Code: CodeIdentity}
	ErrNamespace         error = &Error{Code: CodeNamespace}
	ErrNoNamespace       error = &Error{Code: CodeNoNamespace}
	ErrConnect           error = &Error{Code: CodeConnect}
	ErrUnauthorized      error = &Error{Code: CodeUnauthorized}
	ErrForbidden         error = &Error{Code: CodeForbidden}
	ErrNamespaceNotFound error = &Error{Code: CodeNamespaceNotFound}
	ErrDuplicateIdentity error = &Error{Code: CodeDuplicateIdentity}
	ErrFencingToken      error = &Error{Code: CodeFencingToken}
	// ErrNotLeader is also what every LostError is.
	ErrNotLeader   error = &Error{Code: CodeNotLeader}
	ErrForeignLock error = &Error{Code: CodeForeignLock}
	ErrNoPod       error = &Error{Code: CodeNoPod}
	ErrPodEnding   error = &Error{Code: CodePodEnding}
)

// LostError says that a lock was lost, or given up without a release, and why. It is ErrNotLeader. Since 1.0.
type LostError struct {
	Lock   string // "namespace/name"
	Reason Reason // ReasonNone: by Abandon, or by the client's Close
}

// Error is the text.
func (e *LostError) Error() string {
	if e.Reason == ReasonNone {
		return fmt.Sprintf("k8sleader: %s was given up without a release", e.Lock)
	}
	return fmt.Sprintf("k8sleader: %s is not led any more (%s)", e.Lock, e.Reason)
}

// Is says whether target is ErrNotLeader.
func (e *LostError) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == CodeNotLeader
}

// StopError is the cause of a term's end that was asked for: by Stop, Shutdown, or a context. The lock is still held until
// the work is handed back. Since 1.0.
type StopError struct {
	Lock string // "namespace/name"
}

// Error is the text.
func (e *StopError) Error() string { return fmt.Sprintf("k8sleader: %s is to be given back", e.Lock) }

// errorOf copies an error of the library's.
func errorOf(code C.int, err *C.k8sleader_error) error {
	if err == nil {
		return &Error{Code: Code(code)}
	}
	return &Error{
		Code:       Code(C.k8sleader_error_code(err)),
		Message:    C.GoString(C.k8sleader_error_message(err)),
		HTTPStatus: int(C.k8sleader_error_http_status(err)),
		Retriable:  C.k8sleader_error_retriable(err) != 0,
	}
}

// takeError copies and frees what a call set; nil for a code that is none.
func takeError(code C.int, err *C.k8sleader_error) error {
	if code >= 0 {
		return nil
	}
	defer C.k8sleader_error_free(err)
	return errorOf(code, err)
}

// checkText refuses what C would cut at the first NUL.
func checkText(what, text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return &Error{Code: CodeArgument, Message: fmt.Sprintf("%s %q has a NUL byte", what, text)}
	}
	return nil
}
