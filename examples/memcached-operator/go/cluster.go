package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const listPatience = 10 * time.Second

var (
	memcacheds  = schema.GroupVersionResource{Group: "cache.example.com", Version: "v1alpha1", Resource: "memcacheds"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
)

var advice = map[int32]string{
	http.StatusUnauthorized: "; is the service account's token mounted?",
	http.StatusForbidden:    "; does the Role allow it (deploy/rbac-*.yaml)?",
}

// cluster is requests to it by client-go, on plain objects as the server sends them.
type cluster struct {
	kubeconfig string // empty in a Pod
	namespace  string
	api        dynamic.Interface
}

func newCluster(namespace string) (*cluster, error) {
	c := &cluster{namespace: namespace}
	config, err := c.find()
	if err != nil {
		return nil, fmt.Errorf("%w; in a Pod automountServiceAccountToken must not be false, elsewhere KUBECONFIG is made by "+
			"kubectl config view --minify --flatten --raw -o json", err)
	}
	config.QPS = -1 // the controller has a pace of its own
	c.api, err = dynamic.NewForConfig(config)
	return c, err
}

func (c *cluster) find() (*rest.Config, error) {
	if os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		return rest.InClusterConfig()
	}
	if c.kubeconfig = os.Getenv("KUBECONFIG"); c.kubeconfig == "" {
		return nil, errors.New("not in a Pod, and KUBECONFIG is not set")
	}
	return clientcmd.BuildConfigFromFlags("", c.kubeconfig)
}

func (c *cluster) of(what schema.GroupVersionResource) dynamic.ResourceInterface {
	return c.api.Resource(what).Namespace(c.namespace)
}

// list gives the list, or nil: then it was said why.
func (c *cluster) list(ctx context.Context, what schema.GroupVersionResource, selector string) *unstructured.UnstructuredList {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	found, err := c.of(what).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		complain("GET", what, err)
		return nil
	}
	return found
}

// watch is for who is rung by it.
func (c *cluster) watch(ctx context.Context, what schema.GroupVersionResource, selector, version string) (watch.Interface, error) {
	seconds := int64(watchLasts / time.Second)
	return c.of(what).Watch(ctx, metav1.ListOptions{LabelSelector: selector, ResourceVersion: version, TimeoutSeconds: &seconds})
}

// errConflict: another hand has written.
var errConflict = errors.New("conflict")

// create says whether that is done; why not was said, but for a conflict.
func (c *cluster) create(what schema.GroupVersionResource, made *unstructured.Unstructured, patience time.Duration) error {
	// Not of the term's context: what was begun is finished when the term is to end.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := c.of(what).Create(ctx, made, metav1.CreateOptions{})
	return written("POST", what, err)
}

// patch does the same, of the object or of its status.
func (c *cluster) patch(what schema.GroupVersionResource, name string, change object, patience time.Duration, part ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	text, err := json.Marshal(change)
	if err == nil {
		_, err = c.of(what).Patch(ctx, name, types.MergePatchType, text, metav1.PatchOptions{}, part...)
	}
	return written("PATCH", what, err)
}

func written(method string, what schema.GroupVersionResource, err error) error {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return errConflict
	}
	if err != nil {
		complain(method, what, err)
	}
	return err
}

func complain(method string, what schema.GroupVersionResource, err error) {
	var status apierrors.APIStatus
	if errors.Is(err, context.Canceled) {
		return // the term is over
	}
	if !errors.As(err, &status) {
		logProblem("%s %s: no answer: %v", method, what.Resource, err)
		return
	}
	said := status.Status()
	hint := advice[said.Code]
	if said.Code == http.StatusNotFound && what == memcacheds {
		hint = "; is the CRD there (kubectl apply -f deploy/crd.yaml)?"
	}
	logProblem("%s %s: %d %.300s%s", method, what.Resource, said.Code, said.Message, hint)
}
