// SPDX-License-Identifier: Apache-2.0

//go:build cgo

// Package cheap tells how much memory C code holds, for tests that look for leaks: Go's own figures know nothing of it.
package cheap

// #include <malloc.h>
//
// static size_t in_use(void)
// {
// #if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
//     struct mallinfo2 info = mallinfo2();
//     return info.uordblks + info.hblkhd;
// #else
//     return 0;
// #endif
// }
import "C"

// InUse is how many bytes are allocated, and not freed; 0 where the C library does not say.
func InUse() int64 { return int64(C.in_use()) }
