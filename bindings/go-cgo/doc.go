// SPDX-License-Identifier: Apache-2.0

// Package k8sleader is leader election for Kubernetes: handover in milliseconds, standbys that send no request while the
// leader renews, work that ends before the lease is given up, and a fencing token for each term. On the wire it is
// client-go's election on the same Lease. The election itself is libk8sleader's, in C; this package is how Go uses it.
//
// # As in client-go
//
// Config, New, Elector.Run and RunOrDie have the shape of client-go's leaderelection. What differs, differs for the better:
//
//   - The lease is released only after OnStartedLeading has returned. It has to return when its context is cancelled.
//   - OnStoppedLeading is called after a term, never for a candidate that did not lead.
//   - IsLeader is false from the renew deadline on, also when the process was frozen meanwhile.
//   - When OnStartedLeading returns or panics by itself the lease is released; Config.ReturnKeepsLeading changes that.
//
// # Terms
//
// Client.Lead runs a function while leading. Client.Stand and Election.Wait are for loops of one's own: a Client has any
// number of elections, each gives one Term after the other. A Term knows by the clock whether it leads (Term.IsLeader) and
// has a fencing token; its context is cancelled when the work is to end; Term.HandBack says that it has ended.
//
// The context of a term is cancelled by a goroutine that heard of the end, hence later than the clock has it: a process
// that was frozen wakes up with a context that is not cancelled yet, and an IsLeader that is false already. Ask before each
// piece of work, and let what you write to refuse smaller fencing tokens.
//
// # Leader for life
//
// Become is operator-lib's: it waits until this Pod leads, until that is gone.
//
// # Building
//
// libk8sleader is found by pkg-config ("k8sleader"); with the build tag k8sleader_static its archive is linked in. An older
// library than the one compiled against is refused when a client is made.
package k8sleader
