// SPDX-License-Identifier: Apache-2.0

// Package k8sleadermanager gives a controller-runtime Manager the election of libk8sleader: what needs leader election starts
// when this process leads and has ended before the lease is released.
//
//	manager, err := ctrl.NewManager(config, ctrl.Options{}) // without LeaderElection
//	leading, err := k8sleadermanager.New(manager, k8sleadermanager.Options{
//		Election: k8sleader.Options{Name: "my-operator", Namespace: "my-namespace"},
//	})
//	err = ctrl.NewControllerManagedBy(leading).For(&appsv1.Deployment{}).Complete(reconciler)
//	err = leading.Start(ctrl.SetupSignalHandler())
//
// Beside controller-runtime's own election: when the manager is told to stop its reconcilers end first, while the lease is
// held and renewed, and it is released then (LeaderElectionReleaseOnCancel releases at once, and asks the process to end
// immediately); a standby takes over within milliseconds instead of a retry period; TermOf gives a reconciler the fencing
// token. Caches run and sync on standbys as well, as they do there.
package k8sleadermanager
