// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package k8sleader

import (
	"net/http"
	"sync/atomic"
	"time"
)

// HealthzAdaptor answers a liveness probe by an Elector's Check, as client-go's does. Since 1.0.
type HealthzAdaptor struct {
	elector atomic.Pointer[Elector]
	timeout time.Duration
}

// NewLeaderHealthzAdaptor makes one for Config.WatchDog. timeout is Check's max.
func NewLeaderHealthzAdaptor(timeout time.Duration) *HealthzAdaptor {
	return &HealthzAdaptor{timeout: timeout}
}

// Name is the check's name.
func (l *HealthzAdaptor) Name() string { return "leaderElection" }

// Check is nil unless work goes on that should have ended.
func (l *HealthzAdaptor) Check(*http.Request) error {
	if elector := l.elector.Load(); elector != nil {
		return elector.Check(l.timeout)
	}
	return nil
}

// SetLeaderElection says whose; New does so for Config.WatchDog.
func (l *HealthzAdaptor) SetLeaderElection(elector *Elector) { l.elector.Store(elector) }
