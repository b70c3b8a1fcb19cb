// SPDX-License-Identifier: Apache-2.0

//go:build cgo && k8sleader_static

package k8sleader

// The archive comes first and defines all there is, so that the shared library beside it, which pkg-config names as well,
// is not needed and left out. What the archive needs stays shared: pkg-config's --static would ask for all that libcurl was
// built with, as archives.

// #cgo pkg-config: k8sleader libcurl json-c yaml-0.1 libcrypto
// #cgo CFLAGS: -DK8SLEADER_STATIC
// #cgo LDFLAGS: -Wl,--as-needed -l:libk8sleader.a
import "C"
