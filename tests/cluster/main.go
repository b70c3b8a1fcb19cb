// Command controlplane is a Kubernetes control plane in one binary, for tests: the real kube-apiserver, etcd and
// kube-controller-manager, each run as a process of its own so that a test can stop, freeze or kill one of them.
// scripts/cluster starts and ends the processes; the remaining subcommands are what that script would otherwise
// need openssl, curl and friends for.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

// A command gets the arguments after its name and returns the exit code.
var commands = map[string]func(args []string) int{
	"kube-apiserver":          kubeAPIServer,
	"kube-controller-manager": kubeControllerManager,
	"etcd":                    etcd,
	"free-ports":              freePorts,
	"make-keys":               makeKeys,
	"client-certificate":      clientCertificate,
	"await-etcd":              awaitEtcd,
	"await-apiserver":         awaitAPIServer,
	"await-collector":         awaitCollector,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		names := make([]string, 0, len(commands))
		for name := range commands {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: %s %s [argument...]\n", os.Args[0], strings.Join(names, "|"))
		os.Exit(2)
	}
	os.Exit(commands[os.Args[1]](os.Args[2:]))
}

func fail(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	return 1
}
