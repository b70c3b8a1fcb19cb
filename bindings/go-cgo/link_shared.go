// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !k8sleader_static

package k8sleader

// #cgo pkg-config: k8sleader
import "C"
