// SPDX-License-Identifier: Apache-2.0

package k8sleader

import "testing"

func TestWhichLibraryIsRefused(t *testing.T) {
	for _, c := range []struct {
		found, needed string
		fits          bool
	}{
		{"0.9.0", "0.9.0", true}, {"0.9.1", "0.9.0", true}, {"0.9.0", "0.9.1", false},
		{"0.10.0", "0.9.0", false}, {"0.8.9", "0.9.0", false}, {"1.0.0", "0.9.0", false},
		{"1.2.0", "1.1.9", true}, {"1.1.0", "1.2.0", false}, {"2.0.0", "1.9.0", false}, {"", "0.9.0", false},
	} {
		if err := compareVersions(c.found, c.needed); (err == nil) != c.fits {
			t.Errorf("%q for %q: %v", c.found, c.needed, err)
		}
	}
	if err := checkVersion(); err != nil {
		t.Error(err)
	}
}
