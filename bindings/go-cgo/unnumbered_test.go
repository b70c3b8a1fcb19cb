// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"testing"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

var (
	version  = regexp.MustCompile(`("resourceVersion":\s*")(\d+")`)
	prefixed = regexp.MustCompile(`("resourceVersion":\s*")v(\d+")`)
)

// withoutNumbers is the server as one whose resource versions are no numbers: v17 for 17.
func withoutNumbers(t *testing.T) k8sleader.ClientConfig {
	t.Helper()
	backend, err := url.Parse(server.URL)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend)
			query := r.Out.URL.Query()
			if asked := query.Get("resourceVersion"); asked != "" && asked[0] == 'v' {
				query.Set("resourceVersion", asked[1:])
				r.Out.URL.RawQuery = query.Encode()
			}
			if r.In.Body != nil {
				body, _ := io.ReadAll(r.In.Body)
				body = prefixed.ReplaceAll(body, []byte("${1}${2}"))
				r.Out.Body, r.Out.ContentLength = http.NoBody, int64(len(body))
				if len(body) > 0 {
					r.Out.Body = io.NopCloser(bytes.NewReader(body))
				}
			}
		},
		ModifyResponse: func(answer *http.Response) error {
			from := answer.Body
			reader, writer := io.Pipe()
			answer.Body = reader
			answer.ContentLength = -1
			answer.Header.Del("Content-Length")
			go func() {
				defer from.Close()
				for lines := bufio.NewReader(from); ; {
					line, err := lines.ReadBytes('\n')
					if _, failed := writer.Write(version.ReplaceAll(line, []byte("${1}v${2}"))); failed != nil || err != nil {
						_ = writer.CloseWithError(err)
						return
					}
				}
			}()
			return nil
		},
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	return k8sleader.ClientConfig{Server: front.URL, Token: server.Token, Logger: quiet()}
}

func TestTermsWithoutNumbers(t *testing.T) {
	t.Parallel()
	name := lockOf(t)
	o := short(options(name, "a"))
	o.Namespace = "default"
	client := newClientOf(t, withoutNumbers(t))
	election := stand(t, client, o)
	first := lead(t, election)
	if _, err := first.FencingToken(); !errors.Is(err, k8sleader.ErrFencingToken) {
		t.Errorf("token: %v", err)
	}
	if !first.IsLeader() || !first.MayFinish() || first.TimeLeft() == 0 {
		t.Error("it does not lead")
	}
	must(t, server.Steal(within(t), name, "thief"))
	await(t, "the loss", first.Lost())
	first.HandBack()
	second := lead(t, election)
	if first.IsLeader() || first.MayFinish() || first.TimeLeft() != 0 || !second.IsLeader() {
		t.Error("the old term leads with the new one")
	}
	// The library can't tell the two apart: a second hand-back of the old one must not end the new one's drain.
	second.Stop()
	await(t, "the stop", second.Done())
	first.HandBack()
	if first.MayFinish() || !second.MayFinish() || holder(t, name) != "a" {
		t.Errorf("old may finish %v, new %v, held by %q", first.MayFinish(), second.MayFinish(), holder(t, name))
	}
	second.HandBack()
	await(t, "the release", election.Done())
	if holder(t, name) != "" {
		t.Error("it was not released")
	}
	must(t, client.Close()) // before the proxy ends
}
