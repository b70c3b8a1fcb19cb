// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// cLogLevel asks a logger what the library is to say at all.
func cLogLevel(logger *slog.Logger) C.int {
	ctx := context.Background()
	for _, level := range []struct {
		slog slog.Level
		c    C.int
	}{
		{slog.LevelDebug, C.K8SLEADER_LOG_DEBUG},
		{slog.LevelInfo, C.K8SLEADER_LOG_INFO},
		{slog.LevelWarn, C.K8SLEADER_LOG_WARNING},
		{slog.LevelError, C.K8SLEADER_LOG_ERROR},
	} {
		if logger.Enabled(ctx, level.slog) {
			return level.c
		}
	}
	return C.K8SLEADER_LOG_NONE
}

func slogLevel(level C.int) slog.Level {
	switch level {
	case C.K8SLEADER_LOG_ERROR:
		return slog.LevelError
	case C.K8SLEADER_LOG_WARNING:
		return slog.LevelWarn
	case C.K8SLEADER_LOG_INFO:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

const logLinesMost = 1000

// logSink hands lines to a logger on a goroutine of its own, which is there only while lines are: a logger that blocks
// must not delay the end of anybody's term.
type logSink struct {
	logger  *slog.Logger
	mu      sync.Mutex
	waiting []slog.Record
	dropped int
	written chan struct{} // closed when the goroutine has handed over all; nil when there is none
}

func newLogSink(logger *slog.Logger) *logSink {
	return &logSink{logger: logger}
}

func (s *logSink) add(at time.Time, level slog.Level, message, lock string) {
	record := slog.NewRecord(at, level, message, 0)
	if lock != "" {
		record.AddAttrs(slog.String("lock", lock))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) >= logLinesMost {
		s.dropped++
		return
	}
	s.waiting = append(s.waiting, record)
	if s.written == nil {
		s.written = make(chan struct{})
		go s.write()
	}
}

// How long the end of a client waits for a logger.
const logPatience = time.Second

// flush waits until the last lines are handed over, within bounds: a program often ends next.
func (s *logSink) flush() {
	s.mu.Lock()
	written := s.written
	s.mu.Unlock()
	if written == nil {
		return
	}
	timer := time.NewTimer(logPatience)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}

func (s *logSink) write() {
	ctx := context.Background()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) > 0 {
		records, dropped := s.waiting, s.dropped
		s.waiting, s.dropped = nil, 0
		s.mu.Unlock()
		for _, record := range records {
			if s.logger.Enabled(ctx, record.Level) {
				_ = s.logger.Handler().Handle(ctx, record)
			}
		}
		if dropped > 0 {
			s.logger.Warn("lines of the log were dropped", "count", dropped)
		}
		s.mu.Lock()
	}
	close(s.written)
	s.written = nil
}
