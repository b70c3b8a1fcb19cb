// SPDX-License-Identifier: Apache-2.0

// candidate stands in an election by this binding, and prints what "k8sleader elect --output json" prints, for the tests of
// mixed fleets and for the benchmark.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

func main() {
	config, kubeconfig, count := k8sleader.Config{ReleaseOnCancel: true}, "", 0
	flag.StringVar(&config.Name, "name", "", "the lease's name")
	flag.StringVar(&config.Namespace, "namespace", "default", "its namespace")
	flag.StringVar(&config.Identity, "identity", "", "who we are")
	flag.StringVar(&kubeconfig, "kubeconfig", "", "where the cluster is")
	flag.DurationVar(&config.LeaseDuration, "lease-duration", 0, "")
	flag.DurationVar(&config.RenewDeadline, "renew-deadline", 0, "")
	flag.DurationVar(&config.RetryPeriod, "retry-period", 0, "")
	flag.IntVar(&count, "count", 0, "so many locks, NAME-0 and so on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, config, kubeconfig, count); err != nil {
		fmt.Fprintln(os.Stderr, "candidate:", err)
		os.Exit(1)
	}
}

// run stands for each lock until ctx ends, again after each loss.
func run(ctx context.Context, config k8sleader.Config, kubeconfig string, count int) error {
	client, err := k8sleader.NewClient(k8sleader.ClientConfig{Kubeconfig: kubeconfig})
	if err != nil {
		return err
	}
	defer client.Close()
	config.Client = client
	names := []string{config.Name}
	if count > 0 {
		names = nil
	}
	for i := 0; i < count; i++ {
		names = append(names, fmt.Sprintf("%s-%d", config.Name, i))
	}
	failures := make(chan error, len(names))
	for _, name := range names {
		config.Name = name
		go func(config k8sleader.Config) { failures <- stand(ctx, config) }(config)
	}
	for range names {
		err = errors.Join(err, <-failures)
	}
	return err
}

func stand(ctx context.Context, config k8sleader.Config) error {
	said := report{lock: config.Namespace + "/" + config.Name, identity: config.Identity}
	config.Callbacks = k8sleader.Callbacks{
		OnStartedLeading: func(ctx context.Context) {
			said.say("started_leading", "", nil)
			<-ctx.Done()
			// The end of the work, while the lock is still held, if it was not lost.
			said.say("stopped_leading", reason(context.Cause(ctx)), nil)
		},
		OnStoppedLeading: func() {},
		OnNewLeader:      func(identity string) { said.say("new_leader", "", &identity) },
	}
	elector, err := k8sleader.New(config)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		var lost *k8sleader.LostError
		if err := elector.Run(ctx); err != nil && !errors.As(err, &lost) {
			return err
		}
	}
	return nil
}

func reason(cause error) string {
	if lost := (*k8sleader.LostError)(nil); errors.As(cause, &lost) {
		return lost.Reason.String()
	}
	return "stop"
}

type report struct{ lock, identity string }

var printing sync.Mutex

// say prints lines in the order of their times.
func (r *report) say(event, reason string, leader *string) {
	printing.Lock()
	defer printing.Unlock()
	now := time.Now()
	text, err := json.Marshal(struct {
		Time     json.RawMessage `json:"time"`
		Event    string          `json:"event"`
		Lock     string          `json:"lock"`
		Identity string          `json:"identity"`
		Reason   string          `json:"reason,omitempty"`
		Leader   *string         `json:"leader,omitempty"`
	}{json.RawMessage(fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000)), event, r.lock, r.identity, reason, leader})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", text)
}
