// operatorlib-candidate waits for leader.Become of operator-lib, and prints what `k8sleader elect --output json` prints.
// Where the cluster is comes from KUBECONFIG, who we are from POD_NAME, and the namespace from where Pods have it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/operator-framework/operator-lib/leader"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

func say(event, lock string) {
	now := time.Now()
	text, err := json.Marshal(map[string]any{
		"time":  json.RawMessage(fmt.Appendf(nil, "%d.%06d", now.Unix(), now.Nanosecond()/1000)),
		"event": event, "lock": os.Getenv("POD_NAMESPACE") + "/" + lock, "identity": os.Getenv("POD_NAME"),
	})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", text)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: operatorlib-candidate LOCK")
		os.Exit(2)
	}
	lock := os.Args[1]
	log.SetLogger(funcr.New(func(prefix, arguments string) {
		fmt.Fprintln(os.Stderr, prefix, arguments)
	}, funcr.Options{}))
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := leader.Become(ctx, lock); err != nil {
		fmt.Fprintln(os.Stderr, "operatorlib-candidate:", err)
		if ctx.Err() == nil {
			os.Exit(1)
		}
		return
	}
	say("started_leading", lock)
	<-ctx.Done()
	say("stopped_leading", lock)
}
