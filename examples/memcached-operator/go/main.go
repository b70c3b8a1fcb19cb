// An operator that keeps a Deployment for each Memcached object of its namespace. Of several replicas one works: the leader,
// elected for life or with a lease.
//
// This file elects; controller.go is the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

func main() {
	settings, err := readSettings(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\n\n%s\n", err, usage)
		os.Exit(2)
	}
	cluster, err := newCluster(settings.namespace)
	if err == nil {
		err = run(settings, cluster)
	}
	if err != nil {
		logLine("%v", err)
		if errors.Is(err, k8sleader.ErrName) || errors.Is(err, k8sleader.ErrNamespace) || errors.Is(err, k8sleader.ErrDuration) {
			os.Exit(2)
		}
		os.Exit(1)
	}
	logLine("ends")
}

func run(settings *settings, cluster *cluster) error {
	client, err := k8sleader.NewClient(k8sleader.ClientConfig{Kubeconfig: cluster.kubeconfig, Logger: slog.New(libraryLog{})})
	if err != nil {
		return err
	}
	defer client.Close()
	events := client.Events()
	election, err := client.Stand(settings.options)
	if err != nil {
		return err
	}
	logLine("standing for %s, mode %s, as %s", election.Lock(), settings.mode, election.Identity())
	var hopeless atomic.Value
	go tell(events, func(err error) {
		hopeless.Store(err)
		election.Stop()
	})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		name := map[os.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT"}
		logLine("%s: draining", name[<-signals])
		election.Stop()
	}()

	for { // after a loss it stands again
		term, err := election.Wait(context.Background())
		if err != nil { // it was stopped, and has ended
			break
		}
		token, err := term.FencingToken()
		if err != nil {
			term.HandBack()
			return err
		}
		logLine("leading %s, fencing token %d", term.Lock(), token)
		newController(cluster, term, token).run()
		logLine("the term has ended, nothing of it is under way")
		// A lease that is still held is released now; leader-for-life gives nothing back.
		term.HandBack()
	}
	if err, ok := hopeless.Load().(error); ok {
		return err
	}
	return nil
}

// tell says what happens in the election.
func tell(events *k8sleader.EventStream, giveUp func(error)) {
	for event := range events.All(context.Background()) {
		switch event.Type {
		case k8sleader.EventNewLeader:
			logLine("%s is led by %s", event.Lock, event.Leader)
		case k8sleader.EventStoppedLeading:
			logLine("the term is to end: %s", event.Reason)
		case k8sleader.EventLostDuringDrain:
			logLine("the lock was lost before the work had ended: %s", event.Reason)
		case k8sleader.EventError:
			// What no waiting mends: better a Pod that is seen to fail.
			if errors.Is(event.Err, k8sleader.ErrNoPod) || errors.Is(event.Err, k8sleader.ErrForeignLock) {
				giveUp(event.Err)
			}
		}
	}
}
