// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Version is the version of the library in use, "MAJOR.MINOR.PATCH". Since 1.0.
func Version() string {
	return C.GoString(C.k8sleader_version())
}

// The library found at run time may be another than the one compiled against: an older one lacks what is called here.
var checkVersion = sync.OnceValue(func() error {
	return compareVersions(Version(), C.K8SLEADER_VERSION)
})

func compareVersions(found, needed string) error {
	f, n := parseVersion(found), parseVersion(needed)
	older := f[1] < n[1] || f[1] == n[1] && f[2] < n[2]
	// Before 1.0 a minor version may change anything.
	if f[0] != n[0] || n[0] == 0 && f[1] != n[1] || older {
		return &Error{Code: CodeUnsupported, Message: fmt.Sprintf(
			"libk8sleader %s was found, and %s or a compatible later one is needed: install that, or build against this one",
			found, needed)}
	}
	return nil
}

func parseVersion(text string) (parts [3]int) {
	for i, part := range strings.SplitN(text, ".", 3) {
		parts[i], _ = strconv.Atoi(part)
	}
	return parts
}
