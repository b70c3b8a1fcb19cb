// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

// As in client-go: callbacks, and a context whose end is the end.
func ExampleRunOrDie() {
	ctx, cancel := context.WithCancel(context.Background())
	k8sleader.RunOrDie(ctx, k8sleader.Config{
		Name: "example-run", Namespace: "default", Identity: "me",
		ReleaseOnCancel: true,
		Callbacks: k8sleader.Callbacks{
			OnStartedLeading: func(ctx context.Context) {
				fmt.Println("leading")
				cancel() // as SIGTERM would
				<-ctx.Done()
				fmt.Println("the work has ended, the lease is still held")
			},
			OnStoppedLeading: func() { fmt.Println("stopped leading") },
		},
	})
	// Output:
	// leading
	// the work has ended, the lease is still held
	// stopped leading
}

// A function that runs while leading.
func ExampleClient_Lead() {
	client, err := k8sleader.NewClient(k8sleader.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	options := k8sleader.Options{Name: "example-lead", Namespace: "default"}
	err = client.Lead(context.Background(), options, func(ctx context.Context, term *k8sleader.Term) error {
		token, err := term.FencingToken()
		if err != nil {
			return err
		}
		for piece := 1; piece <= 3 && term.IsLeader(); piece++ { // by the clock, before each piece of work
			fmt.Println("piece", piece, "written with a token:", token > 0)
		}
		return nil // now the lease is released
	})
	fmt.Println("error:", err)
	// Output:
	// piece 1 written with a token: true
	// piece 2 written with a token: true
	// piece 3 written with a token: true
	// error: <nil>
}

// Many elections on one client, and a loop of one's own.
func ExampleElection_Wait() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := k8sleader.NewClient(k8sleader.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for shard := 0; shard < 3; shard++ {
		election, err := client.Stand(k8sleader.Options{Name: fmt.Sprintf("example-shard-%d", shard), Namespace: "default"})
		if err != nil {
			log.Fatal(err)
		}
		term, err := election.Wait(ctx)
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			<-term.Done()   // lost, or asked to stop: end the work,
			term.HandBack() // and say that it has ended
		}()
		fmt.Println("leading", term.Lock())
	}
	fmt.Println("all released:", client.Shutdown(ctx) == nil)
	// Output:
	// leading default/example-shard-0
	// leading default/example-shard-1
	// leading default/example-shard-2
	// all released: true
}

// Why a term ended is its context's cause.
func ExampleLostError() {
	var err error = &k8sleader.LostError{Lock: "default/web", Reason: k8sleader.ReasonLostDeadline}
	var lost *k8sleader.LostError
	if errors.As(err, &lost) {
		fmt.Println(lost.Reason, errors.Is(err, k8sleader.ErrNotLeader))
	}
	// Output: lost_deadline true
}

// What happens in all elections of a client.
func ExampleClient_Events() {
	ctx := context.Background()
	client, err := k8sleader.NewClient(k8sleader.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	events := client.Events()
	defer events.Close()

	election, err := client.Stand(k8sleader.Options{Name: "example-events", Namespace: "default", Identity: "me"})
	if err != nil {
		log.Fatal(err)
	}
	election.Stop()
	for {
		event, err := events.Next(ctx) // or, from Go 1.23 on: for event := range events.All(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if event.Type == k8sleader.EventClosed {
			fmt.Println(event.Lock, event.Type)
			return
		}
	}
	// Output: default/example-events closed
}

// Leader for life, as operator-lib has it. Outside a cluster it leads at once.
func ExampleBecome() {
	if err := k8sleader.Become(context.Background(), "example-lock"); err != nil {
		log.Fatal(err)
	}
	// this process leads until its Pod is gone
}
