// SPDX-License-Identifier: Apache-2.0

package k8sleadermanager_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8sleader.test/bindings/go-cgo/k8sleadertest"
)

// The leases of client-go's example last a minute: what is taken within half of it was released.
const released = 30 * time.Second

func output(t *testing.T, input io.Reader, name string, arguments ...string) string {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Stdin = input
	text, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, text)
	}
	return strings.TrimSpace(string(text))
}

// buildExamples builds client-go's own example of an election, as it is, and with the change that this binding takes.
func buildExamples(t *testing.T) (original, migrated string) {
	t.Helper()
	clientGo := output(t, nil, "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/client-go")
	source, err := os.ReadFile(filepath.Join(clientGo, "examples", "leader-election", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	difference, err := os.Open("testdata/from-client-go.diff")
	if err != nil {
		t.Fatal(err)
	}
	defer difference.Close()
	build := func(name string, patch bool) string {
		folder := filepath.Join(t.TempDir(), name)
		file := filepath.Join(folder, "main.go")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, source, 0o600); err != nil {
			t.Fatal(err)
		}
		if patch {
			output(t, difference, "patch", "--fuzz=0", file)
		}
		output(t, nil, "go", "build", "-o", filepath.Join(folder, name), file)
		return filepath.Join(folder, name)
	}
	return build("original", false), build("migrated", true)
}

// replica is one of the example's programs.
type replica struct {
	command *exec.Cmd
	leads   chan struct{}
	said    chan string // all, at its end
}

func startReplica(t *testing.T, program, kubeconfig, lock, id string) *replica {
	t.Helper()
	r := &replica{leads: make(chan struct{}), said: make(chan string, 1)}
	r.command = exec.Command(program, "-kubeconfig", kubeconfig, "-lease-lock-name", lock, "-lease-lock-namespace", "default", "-id", id)
	r.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	errors, err := r.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.command.Process.Kill() })
	go func() {
		var all strings.Builder
		for lines := bufio.NewScanner(errors); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "Controller loop...") {
				close(r.leads)
			}
		}
		r.said <- all.String()
	}()
	return r
}

// handOver ends the leader and awaits the next.
func handOver(t *testing.T, leader, next *replica) {
	t.Helper()
	begin := time.Now()
	if err := leader.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	said := <-leader.said
	if err := leader.command.Wait(); err != nil {
		t.Errorf("it ended badly: %v\n%s", err, said)
	}
	if !strings.Contains(said, "Leader lost") || !strings.Contains(said, "Performing cleanup") {
		t.Errorf("OnStoppedLeading was not called:\n%s", said)
	}
	await(t, "the handover", next.leads)
	took := time.Since(begin)
	t.Logf("handover after %v", took)
	if took > released {
		t.Errorf("it was not released: %v", took)
	}
}

func TestClientGosExampleMigrates(t *testing.T) {
	original, migrated := buildExamples(t)
	server := k8sleadertest.New(t)
	run := func(program, id string) *replica { return startReplica(t, program, server.Kubeconfig, "example", id) }

	first := run(migrated, "first")
	await(t, "leading", first.leads)
	second := run(migrated, "second")
	handOver(t, first, second)
	// Beside one that was not migrated, both ways.
	third := run(original, "third")
	handOver(t, second, third)
	fourth := run(migrated, "fourth")
	handOver(t, third, fourth)
}
