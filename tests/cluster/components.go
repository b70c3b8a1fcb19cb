package main

import (
	"flag"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func kubeAPIServer(args []string) int {
	command := apiserver.NewAPIServerCommand()
	command.SetArgs(args)
	return cli.Run(command)
}

func kubeControllerManager(args []string) int {
	command := controllermanager.NewControllerManagerCommand()
	command.SetArgs(args)
	return cli.Run(command)
}

// etcd runs a single member until it is told to stop. Its own command line (etcdmain) is not used: it wants a
// dozen URLs for what is one address here.
func etcd(args []string) int {
	flags := flag.NewFlagSet("etcd", flag.ExitOnError)
	dataDir := flags.String("data-dir", "", "where the data are kept")
	clientURL := flags.String("client-url", "", "URL to serve clients on")
	peerURL := flags.String("peer-url", "", "URL to serve peers on (there are none, but etcd insists)")
	noFsync := flags.Bool("unsafe-no-fsync", false, "don't sync writes to the disk: faster than any real cluster")
	_ = flags.Parse(args)

	client, err := url.Parse(*clientURL)
	if err != nil || client.Host == "" {
		return fail("etcd: --client-url %q is no URL", *clientURL)
	}
	peer, err := url.Parse(*peerURL)
	if err != nil || peer.Host == "" {
		return fail("etcd: --peer-url %q is no URL", *peerURL)
	}
	if *dataDir == "" {
		return fail("etcd: --data-dir is missing")
	}

	config := embed.NewConfig()
	config.Name = "test"
	config.Dir = *dataDir
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = *noFsync
	config.LogLevel = "warn"
	// A lone member elects itself: with etcd's defaults it would wait a second for others first.
	config.TickMs = 10
	config.ElectionMs = 100

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	server, err := embed.StartEtcd(config)
	if err != nil {
		return fail("etcd: %v", err)
	}
	select {
	case <-signals:
		server.Close()
		return 0
	case err := <-server.Err():
		return fail("etcd: %v", err)
	case <-server.Server.StopNotify():
		return fail("etcd: stopped by itself")
	}
}
