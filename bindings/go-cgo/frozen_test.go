// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

// leadAndSayWhatIsAfterAFreeze asks all the time, as work does that asks before each piece, and says what it saw right behind
// a gap in which it was frozen.
func leadAndSayWhatIsAfterAFreeze() int {
	client, lock, err := ofParent()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer client.Close()
	o := short(options(lock, "frozen"))
	o.Once = true
	err = client.Lead(context.Background(), o, func(ctx context.Context, term *k8sleader.Term) error {
		before := time.Now() // it may be frozen from the next line on
		fmt.Println("leads")
		for {
			time.Sleep(time.Millisecond)
			now := time.Now()
			frozen := now.Sub(before) > 2*time.Second
			before = now
			leads, finish, left := term.IsLeader(), term.MayFinish(), term.TimeLeft()
			if frozen {
				fmt.Println("woke", leads, finish, left)
				return nil
			}
			if !leads && (finish || left > 0) {
				fmt.Println("it does not lead, but may finish", finish, left)
			}
			if ctx.Err() != nil && term.IsLeader() {
				fmt.Println("the context is over, and it leads")
			}
		}
	})
	fmt.Println("Lead:", err)
	return 0
}

func TestAFrozenProcessWakesUpAsNoLeader(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	process := startProgram(t, "frozen", name)
	process.until(t, "leads")
	must(t, process.command.Process.Signal(syscall.SIGSTOP))
	// Somebody else leads meanwhile, once the lease has run out.
	next := lead(t, stand(t, newClient(t), short(options(name, "next"))))
	must(t, process.command.Process.Signal(syscall.SIGCONT))
	if line := process.until(t, "woke"); line != "woke false false 0s" {
		t.Error(line)
	}
	if line := process.until(t, "Lead:"); !strings.Contains(line, "not led any more") {
		t.Error(line)
	}
	if code := process.awaitEnd(t); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if !next.IsLeader() {
		t.Error("the next does not lead")
	}
	next.HandBack()
}
