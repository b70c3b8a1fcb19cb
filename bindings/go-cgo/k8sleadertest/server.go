// SPDX-License-Identifier: Apache-2.0

// Package k8sleadertest starts the embedded API server for tests: Kubernetes' Leases, ConfigMaps and Pods in memory, over
// TLS. It is the program "k8sleader dev-server", named by the environment variable K8SLEADER_PROGRAM, else found in the PATH.
package k8sleadertest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Object is a Kubernetes object, or a part of one, as JSON.
type Object = map[string]any

// Server is one server, until Close. Since 1.0.
type Server struct {
	Kubeconfig string // the path of a kubeconfig for it
	Context    string // the kubeconfig's current context
	URL        string
	Token      string // may do anything
	CA         []byte // to trust, PEM

	folder  string
	command *exec.Cmd
	http    *http.Client
}

// TB is what is used of testing.TB.
type TB interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
}

// New starts a server that ends with the test. arguments: further ones of "k8sleader dev-server".
func New(tb TB, arguments ...string) *Server {
	tb.Helper()
	server, err := Start(arguments...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Close)
	return server
}

// Start starts a server.
func Start(arguments ...string) (*Server, error) {
	program := os.Getenv("K8SLEADER_PROGRAM")
	if program == "" {
		found, err := exec.LookPath("k8sleader")
		if err != nil {
			return nil, errors.New("the program k8sleader is not in the PATH: install it, or set K8SLEADER_PROGRAM")
		}
		program = found
	}
	folder, err := os.MkdirTemp("", "k8sleader-")
	if err != nil {
		return nil, err
	}
	s := &Server{Kubeconfig: filepath.Join(folder, "kubeconfig"), folder: folder}
	s.command = exec.Command(program, append([]string{"dev-server", "--kubeconfig-out", s.Kubeconfig}, arguments...)...)
	s.command.Stderr = os.Stderr
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.begin(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Connect is for tests that run on an API server of somebody else's, too: a real one, by a kubeconfig that holds a token and
// the certificate authority. Close leaves it as it is; faults and users are the embedded server's alone.
func Connect(kubeconfig string) (*Server, error) {
	s := &Server{Kubeconfig: kubeconfig}
	return s, s.readKubeconfig()
}

func (s *Server) begin() error {
	output, err := s.command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.command.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "export KUBECONFIG=") {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return s.readKubeconfig()
		}
	}
	return errors.New("k8sleader dev-server did not start")
}

func (s *Server) readKubeconfig() error {
	text, err := os.ReadFile(s.Kubeconfig)
	if err != nil {
		return err
	}
	find := func(pattern string) string {
		if match := regexp.MustCompile(pattern).FindSubmatch(text); match != nil {
			return string(match[1])
		}
		return ""
	}
	s.URL, s.Token, s.Context = find(`server: "?([^"\s]+)`), find(`token: "?([^"\s]+)`), find(`current-context: "?([^"\s]+)`)
	if s.CA, err = base64.StdEncoding.DecodeString(find(`certificate-authority-data: (\S+)`)); err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA)
	s.http = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	return nil
}

// Close ends it. Again is fine.
func (s *Server) Close() {
	if s.http != nil {
		s.http.CloseIdleConnections()
	}
	if s.command == nil {
		return // connected to
	}
	if s.command.Process != nil {
		_ = s.command.Process.Kill()
		_ = s.command.Wait()
	}
	_ = os.RemoveAll(s.folder)
}

// StatusError is an answer that is no success.
type StatusError struct {
	Status int
	Body   string
}

// Error is the text.
func (e *StatusError) Error() string { return fmt.Sprintf("%d: %s", e.Status, e.Body) }

// Request asks it, with a body (nil: none), for an object.
func (s *Server) Request(ctx context.Context, method, path string, body any) (Object, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.Token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		return nil, &StatusError{answer.StatusCode, string(text)}
	}
	var object Object
	if len(bytes.TrimSpace(text)) > 0 {
		err = json.Unmarshal(text, &object)
	}
	return object, err
}

// LeasePath is the path of a Lease in the namespace default.
func LeasePath(name string) string {
	return "/apis/coordination.k8s.io/v1/namespaces/default/leases/" + name
}

// Lease is the Lease of that name in the namespace default.
func (s *Server) Lease(ctx context.Context, name string) (Object, error) {
	return s.Request(ctx, http.MethodGet, LeasePath(name), nil)
}

// Holder is who that Lease names; "" for nobody, or when there is none.
func (s *Server) Holder(ctx context.Context, name string) (string, error) {
	lease, err := s.Lease(ctx, name)
	var status *StatusError
	if errors.As(err, &status) && status.Status == http.StatusNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	spec, _ := lease["spec"].(Object)
	holder, _ := spec["holderIdentity"].(string)
	return holder, nil
}

// Steal gives that Lease to somebody else, as a foreign hand would.
func (s *Server) Steal(ctx context.Context, name, holder string) error {
	for {
		lease, err := s.Lease(ctx, name)
		if err != nil {
			return err
		}
		spec := lease["spec"].(Object)
		spec["holderIdentity"], spec["leaseDurationSeconds"] = holder, 1
		_, err = s.Request(ctx, http.MethodPut, LeasePath(name), lease)
		var status *StatusError
		if !errors.As(err, &status) || status.Status != http.StatusConflict { // by a renewal that was faster
			return err
		}
	}
}

// Fault scripts a fault: see devserver/include/k8sleader-devserver.h.
func (s *Server) Fault(ctx context.Context, fault Object) error {
	_, err := s.Request(ctx, http.MethodPost, "/_devserver/faults", fault)
	return err
}

// ClearFaults ends all of them.
func (s *Server) ClearFaults(ctx context.Context) error {
	_, err := s.Request(ctx, http.MethodDelete, "/_devserver/faults", nil)
	return err
}

// User gives the token of a user who may do what Roles and RoleBindings allow, and nothing else.
func (s *Server) User(ctx context.Context, name string) (string, error) {
	answer, err := s.Request(ctx, http.MethodPost, "/_devserver/users", Object{"name": name})
	if err != nil {
		return "", err
	}
	token, _ := answer["token"].(string)
	return token, nil
}
