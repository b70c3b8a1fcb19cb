package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const pollInterval = 50 * time.Millisecond

// poll calls try until it returns nil, and gives up with its last error.
func poll(timeout time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", timeout, err)
		case <-time.After(pollInterval):
		}
	}
}

func awaitEtcd(args []string) int {
	flags := flag.NewFlagSet("await-etcd", flag.ExitOnError)
	url := flags.String("url", "", "etcd's client URL")
	timeout := flags.Duration("timeout", 30*time.Second, "when to give up")
	_ = flags.Parse(args)

	client := &http.Client{Timeout: time.Second}
	err := poll(*timeout, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, *url+"/health", nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		if err != nil {
			return err
		}
		var health struct {
			Health string `json:"health"`
		}
		if json.Unmarshal(body, &health) != nil || health.Health != "true" {
			return fmt.Errorf("HTTP %d: %s", response.StatusCode, body)
		}
		return nil
	})
	if err != nil {
		return fail("etcd is not healthy: %v", err)
	}
	return 0
}

// awaitAPIServer waits until the API server says that it is ready and has made the namespace every test uses.
func awaitAPIServer(args []string) int {
	client, timeout, err := apiClient("await-apiserver", args)
	if err != nil {
		return fail("await-apiserver: %v", err)
	}
	err = poll(timeout, func(ctx context.Context) error {
		// A server that has stopped in the middle of a request must not use up the whole time.
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if body, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
			return fmt.Errorf("%w %s", err, body)
		}
		_, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return fail("kube-apiserver is not ready: %v", err)
	}
	return 0
}

// awaitCollector waits until the garbage collector works, by having it work: it has no sign of its own that tells
// when it knows the cluster's resources, and owned objects made before that may stay for half a minute.
func awaitCollector(args []string) int {
	client, timeout, err := apiClient("await-collector", args)
	if err != nil {
		return fail("await-collector: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	// A ConfigMap that a Pod owns, since that is what the tests wait for: the collector learns of each resource on its own.
	pods := client.CoreV1().Pods(metav1.NamespaceSystem)
	configMaps := client.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	owner, err := pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "collector-probe-"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "none", Image: "none"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return fail("await-collector: %v", err)
	}
	owned, err := configMaps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name:            owner.Name,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: owner.Name, UID: owner.UID}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fail("await-collector: %v", err)
	}
	if err := pods.Delete(ctx, owner.Name, *metav1.NewDeleteOptions(0)); err != nil {
		return fail("await-collector: %v", err)
	}
	err = poll(timeout, func(ctx context.Context) error {
		_, err := configMaps.Get(ctx, owned.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return errors.New("an object whose owner is gone is still there")
	})
	if err != nil {
		return fail("the garbage collector does not work: %v", err)
	}
	return 0
}

func apiClient(command string, args []string) (kubernetes.Interface, time.Duration, error) {
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "how to reach the API server, as a user who may do everything")
	timeout := flags.Duration("timeout", 30*time.Second, "when to give up")
	_ = flags.Parse(args)

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return nil, 0, err
	}
	// client-go's own limit of 5 requests a second would slow down the polling.
	config.QPS = -1
	config.RateLimiter = nil
	config.Timeout = 5 * time.Second
	config.WarningHandler = rest.NoWarnings{}
	client, err := kubernetes.NewForConfig(config)
	return client, *timeout, err
}
