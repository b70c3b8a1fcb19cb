// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

const (
	frozenLock       = "K8SLEADER_TEST_FROZEN_LOCK"
	frozenKubeconfig = "K8SLEADER_TEST_FROZEN_KUBECONFIG"
)

// leadAndSayWhatIsAfterAFreeze is the other process. It asks all the time, as work does that asks before each piece, and
// says what it saw right behind a gap in which it was frozen.
func leadAndSayWhatIsAfterAFreeze(lock string) {
	client, err := k8sleader.NewClient(k8sleader.ClientConfig{Kubeconfig: os.Getenv(frozenKubeconfig), Context: "dev-server"})
	if err != nil {
		fmt.Println(err)
		return
	}
	o := short(options(lock, "frozen"))
	o.Once = true
	err = client.Lead(context.Background(), o, func(ctx context.Context, term *k8sleader.Term) error {
		fmt.Println("leads")
		for before := time.Now(); ; before = time.Now() {
			leads, finish, left := term.IsLeader(), term.MayFinish(), term.TimeLeft()
			if gap := time.Since(before); gap > time.Second {
				continue // it was frozen somewhere in between: that says nothing
			}
			time.Sleep(time.Millisecond)
			if time.Since(before) > time.Second {
				leads, finish, left = term.IsLeader(), term.MayFinish(), term.TimeLeft()
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
}

func TestAFrozenProcessWakesUpAsNoLeader(t *testing.T) {
	name := lockOf(t)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), frozenLock+"="+name, frozenKubeconfig+"="+server.Kubeconfig)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	lines := bufio.NewScanner(output)
	until := func(what string) string {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), what) {
				return lines.Text()
			}
			t.Log(lines.Text())
		}
		t.Fatalf("it did not say %q", what)
		return ""
	}
	until("leads")
	must(t, command.Process.Signal(syscall.SIGSTOP))
	// Somebody else leads meanwhile, once the lease has run out.
	next := lead(t, stand(t, newClient(t), short(options(name, "next"))))
	must(t, command.Process.Signal(syscall.SIGCONT))
	if line := until("woke"); line != "woke false false 0s" {
		t.Error(line)
	}
	if line := until("Lead:"); !strings.Contains(line, "not led any more") {
		t.Error(line)
	}
	for lines.Scan() { // to the end, so that it is not stopped by a full pipe
		continue
	}
	must(t, command.Wait())
	if !next.IsLeader() {
		t.Error("the next does not lead")
	}
	next.HandBack()
}
