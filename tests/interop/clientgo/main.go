// clientgo-candidate stands in an election by client-go, and prints what `k8sleader elect --output json` prints.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
)

type options struct {
	name, namespace, identity, kubeconfig     string
	leaseDuration, renewDeadline, retryPeriod time.Duration
	releaseOnCancel                           bool
	count                                     int
	labels                                    map[string]string
}

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "clientgo-candidate:", err)
		os.Exit(2)
	}
	if err := stand(o); err != nil {
		fmt.Fprintln(os.Stderr, "clientgo-candidate:", err)
		os.Exit(1)
	}
}

func parse(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("clientgo-candidate", flag.ContinueOnError)
	flags.StringVar(&o.name, "name", "", "the lease's name")
	flags.StringVar(&o.namespace, "namespace", "default", "its namespace")
	flags.StringVar(&o.identity, "identity", "", "who we are")
	flags.StringVar(&o.kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "where the cluster is")
	flags.DurationVar(&o.leaseDuration, "lease-duration", 15*time.Second, "")
	flags.DurationVar(&o.renewDeadline, "renew-deadline", 10*time.Second, "")
	flags.DurationVar(&o.retryPeriod, "retry-period", 2*time.Second, "")
	flags.BoolVar(&o.releaseOnCancel, "release-on-cancel", false, "release the lease on SIGTERM")
	flags.IntVar(&o.count, "count", 0, "stand for that many locks, NAME-0 and so on, in one process")
	labels := flags.String("labels", "", "KEY=VALUE[,...] for the lease")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if o.name == "" || o.identity == "" || flags.NArg() > 0 {
		return nil, fmt.Errorf("--name and --identity are needed, and nothing but options")
	}
	if *labels != "" {
		o.labels = map[string]string{}
		for pair := range strings.SplitSeq(*labels, ",") {
			key, value, found := strings.Cut(pair, "=")
			if !found {
				return nil, fmt.Errorf("--labels: %q is no KEY=VALUE", pair)
			}
			o.labels[key] = value
		}
	}
	return o, nil
}

func stand(o *options) error {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	// As controller-runtime has it: a request that hangs must leave time for another.
	config.Timeout = o.renewDeadline / 2
	if o.count > 0 {
		// The default of five requests a second, meant for one election, would not renew them all.
		config.QPS = -1
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	electors, said, err := newElectors(o, client)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		// Said before the election hears of it: what is guarded by the lease ends here, while client-go's own
		// callback comes when the lease has long been released.
		for _, one := range said {
			one.cancelled()
		}
		cancel()
	}()
	var running sync.WaitGroup
	for _, elector := range electors {
		running.Go(func() { elector.Run(ctx) })
	}
	running.Wait()
	return nil
}

// newElectors makes one elector, or --count of them, and for each what it says.
func newElectors(o *options, client kubernetes.Interface) ([]*leaderelection.LeaderElector, []*report, error) {
	var electors []*leaderelection.LeaderElector
	var reports []*report
	for i := range max(o.count, 1) {
		one := *o
		if o.count > 0 {
			one.name = fmt.Sprintf("%s-%d", o.name, i)
		}
		said := newReport(one.namespace+"/"+one.name, one.identity, os.Stdout)
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock:            newLock(&one, client),
			LeaseDuration:   one.leaseDuration,
			RenewDeadline:   one.renewDeadline,
			RetryPeriod:     one.retryPeriod,
			ReleaseOnCancel: one.releaseOnCancel,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { said.started() },
				OnStoppedLeading: said.stopped,
				OnNewLeader:      said.newLeader,
			},
		})
		if err != nil {
			return nil, nil, err
		}
		electors, reports = append(electors, elector), append(reports, said)
	}
	return electors, reports, nil
}
