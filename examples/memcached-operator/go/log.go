package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

const saidAgainIn = time.Minute

var said = struct {
	sync.Mutex
	at map[string]time.Time
}{at: map[string]time.Time{}}

// logLine writes a line for whoever reads `kubectl logs`.
func logLine(format string, values ...any) {
	text := strings.Join(strings.Fields(fmt.Sprintf(format, values...)), " ")
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00"), text)
}

// logProblem does the same for what goes wrong again with each attempt: a line that was said less than a minute ago is left
// out.
func logProblem(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	said.Lock()
	defer said.Unlock()
	now := time.Now()
	for line, at := range said.at {
		if now.Sub(at) >= saidAgainIn {
			delete(said.at, line)
		}
	}
	if _, again := said.at[text]; !again {
		said.at[text] = now
		logLine("%s", text)
	}
}

// libraryLog passes on the library's warnings, as lines like ours.
type libraryLog struct{}

func (libraryLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (libraryLog) Handle(_ context.Context, record slog.Record) error {
	logProblem("%s", record.Message)
	return nil
}

func (l libraryLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l libraryLog) WithGroup(string) slog.Handler      { return l }
