// SPDX-License-Identifier: Apache-2.0

//go:build cgo && k8sleader_static

package k8sleader

// The archive comes first and defines all there is, so that the shared library beside it, which pkg-config names as well,
// is not needed and left out.

// #cgo pkg-config: --static k8sleader
// #cgo CFLAGS: -DK8SLEADER_STATIC
// #cgo LDFLAGS: -Wl,--as-needed -l:libk8sleader.a
import "C"
