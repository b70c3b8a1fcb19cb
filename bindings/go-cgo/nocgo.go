// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package k8sleader

// The compiler prints the name: without cgo nothing else of this package is there.
var _ = k8sleader_needs_cgo__set_CGO_ENABLED_to_1_and_install_a_C_compiler
