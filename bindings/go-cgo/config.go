// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"log/slog"
	"unsafe"
)

// ClientConfig says where the cluster is and how to log in. The zero value finds out: inside a Pod the service account,
// elsewhere the kubeconfig that KUBECONFIG names, or ~/.kube/config. What Kubeconfig or InCluster load is changed by the
// fields below them. Since 1.0.
type ClientConfig struct {
	Kubeconfig string // the path of a kubeconfig
	Context    string // one of its contexts, instead of the current one
	InCluster  bool   // the service account, and nothing else

	Server        string // https://HOST[:PORT][/PATH], or http:// for an unencrypted one
	Token         string // the bearer token
	TokenFile     string // the file that holds it, read again each minute
	CAData        []byte // the certificate authorities to trust, PEM
	CertData      []byte // the certificate to log in with, PEM
	KeyData       []byte // and its key
	TLSServerName string // the name to expect in the server's certificate

	// Logger gets what the library says; nil: slog.Default(). Which levels are made at all is asked of it once, when the
	// client is made. It is called on a goroutine of its own: a slow one delays nothing, and loses lines beyond a thousand.
	Logger *slog.Logger
}

func (c *ClientConfig) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return slog.Default()
}

// cText is a C string, or NULL for "".
func cText(text string) *C.char {
	if text == "" {
		return nil
	}
	return C.CString(text)
}

// make gives the library's form of the configuration, to be freed unless a client took it.
func (c *ClientConfig) make() (*C.k8sleader_config, error) {
	made := C.k8sleader_config_new()
	if made == nil {
		return nil, &Error{Code: CodeNoMemory}
	}
	err := c.load(made)
	if err == nil {
		err = c.set(made)
	}
	if err == nil {
		err = takeError(C.k8sleader_config_set_log_level(made, cLogLevel(c.logger()), 1), nil)
	}
	if err != nil {
		C.k8sleader_config_free(made)
		return nil, err
	}
	return made, nil
}

func (c *ClientConfig) load(made *C.k8sleader_config) error {
	var failure *C.k8sleader_error
	switch {
	case c.InCluster:
		return takeError(C.k8sleader_config_load_incluster(made, &failure), failure)
	case c.Kubeconfig != "" || c.Context != "":
		if err := checkText("the kubeconfig", c.Kubeconfig+c.Context); err != nil {
			return err
		}
		path, context := cText(c.Kubeconfig), cText(c.Context)
		defer C.free(unsafe.Pointer(path))
		defer C.free(unsafe.Pointer(context))
		code := C.k8sleader_config_load_kubeconfig(made, path, context, &failure)
		return takeError(code, failure)
	}
	return nil
}

func (c *ClientConfig) set(made *C.k8sleader_config) error {
	texts := []struct {
		what, text string
		set        func(*C.char) C.int
	}{
		{"the server", c.Server, func(s *C.char) C.int { return C.k8sleader_config_set_server(made, s) }},
		{"the token", c.Token, func(s *C.char) C.int { return C.k8sleader_config_set_token(made, s) }},
		{"the token's file", c.TokenFile, func(s *C.char) C.int { return C.k8sleader_config_set_token_file(made, s) }},
		{"the server's name", c.TLSServerName, func(s *C.char) C.int { return C.k8sleader_config_set_tls_server_name(made, s) }},
	}
	for _, t := range texts {
		code, err := setSecret(t.what, t.text, t.set)
		if err == nil {
			err = refusal(made, code)
		}
		if err != nil {
			return err
		}
	}
	if len(c.CAData) > 0 {
		code := C.k8sleader_config_set_ca_pem(made, unsafe.Pointer(&c.CAData[0]), C.size_t(len(c.CAData)))
		if err := refusal(made, code); err != nil {
			return err
		}
	}
	if len(c.CertData) > 0 && len(c.KeyData) > 0 {
		return refusal(made, C.k8sleader_config_set_client_certificate_pem(made,
			unsafe.Pointer(&c.CertData[0]), C.size_t(len(c.CertData)),
			unsafe.Pointer(&c.KeyData[0]), C.size_t(len(c.KeyData))))
	}
	if len(c.CertData)+len(c.KeyData) > 0 {
		return &Error{Code: CodeConfig, Message: "a client certificate needs both CertData and KeyData"}
	}
	return nil
}

// refusal is why a setter failed, which the config keeps until its next one; nil when it did not.
func refusal(made *C.k8sleader_config, code C.int) error {
	if code >= 0 {
		return nil
	}
	return errorOf(code, C.k8sleader_config_error(made))
}

// setSecret names what is wrong, never the value.
func setSecret(what, text string, set func(*C.char) C.int) (C.int, error) {
	if text == "" {
		return 0, nil
	}
	if checkText(what, text) != nil {
		return 0, &Error{Code: CodeConfig, Message: what + " has a NUL byte"}
	}
	value := C.CString(text)
	defer func() {
		// Wiped, as the library wipes its copy.
		for i := range unsafe.Slice((*byte)(unsafe.Pointer(value)), len(text)) {
			unsafe.Slice((*byte)(unsafe.Pointer(value)), len(text))[i] = 0
		}
		C.free(unsafe.Pointer(value))
	}()
	return set(value), nil
}
