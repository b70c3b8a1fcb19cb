// SPDX-License-Identifier: Apache-2.0

// A user's program: leads once. Argument: the version that the library has to be.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

func main() {
	if found := k8sleader.Version(); found != os.Args[1] {
		log.Fatalf("the library is %s, not %s", found, os.Args[1])
	}
	client, err := k8sleader.NewClient(k8sleader.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	options := k8sleader.Options{Name: "packaged", Namespace: "default"}
	err = client.Lead(context.Background(), options, func(_ context.Context, term *k8sleader.Term) error {
		token, err := term.FencingToken()
		if err == nil && term.IsLeader() {
			fmt.Println("led with token", token)
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
}
