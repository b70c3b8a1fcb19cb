// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

// Tests start this program again as another one, which finds its lock and the cluster in the environment.
const (
	otherProgram    = "K8SLEADER_TEST_OTHER_PROGRAM"
	otherLock       = "K8SLEADER_TEST_OTHER_LOCK"
	otherKubeconfig = "K8SLEADER_TEST_OTHER_KUBECONFIG"
	otherContext    = "K8SLEADER_TEST_OTHER_CONTEXT"
)

var otherPrograms = map[string]func() int{
	"frozen": leadAndSayWhatIsAfterAFreeze,
	"exits":  exitInOnStoppedLeading,
	"exec":   startProgramsWhileLeading,
}

// ofParent is what the other program finds.
func ofParent() (client *k8sleader.Client, lock string, err error) {
	client, err = k8sleader.NewClient(k8sleader.ClientConfig{
		Kubeconfig: os.Getenv(otherKubeconfig), Context: os.Getenv(otherContext), Logger: quiet()})
	return client, os.Getenv(otherLock), err
}

// program is one that was started.
type program struct {
	command *exec.Cmd
	lines   *bufio.Scanner
}

func startProgram(t *testing.T, name, lock string, environment ...string) *program {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(append(os.Environ(), otherProgram+"="+name, otherLock+"="+lock,
		otherKubeconfig+"="+server.Kubeconfig, otherContext+"="+server.Context), environment...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill() })
	return &program{command, bufio.NewScanner(output)}
}

// until gives the next line that has the text.
func (p *program) until(t *testing.T, what string) string {
	t.Helper()
	for p.lines.Scan() {
		if strings.Contains(p.lines.Text(), what) {
			return p.lines.Text()
		}
		t.Log(p.lines.Text())
	}
	t.Fatalf("it did not say %q", what)
	return ""
}

// awaitEnd gives its exit code.
func (p *program) awaitEnd(t *testing.T) int {
	t.Helper()
	for p.lines.Scan() { // so that it is not stopped by a full pipe
		t.Log(p.lines.Text())
	}
	_ = p.command.Wait()
	return p.command.ProcessState.ExitCode()
}
