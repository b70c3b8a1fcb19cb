// SPDX-License-Identifier: Apache-2.0

package k8sleadermanager

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

// ClientConfigOf gives the same way to the cluster as client-go's. What the library can't do (exec plugins, auth providers,
// proxies, impersonation, a password, no verification) is an error; make a Client by hand then. It logs where
// controller-runtime does. Since 1.0.
func ClientConfigOf(config *rest.Config) (k8sleader.ClientConfig, error) {
	for what, set := range map[string]bool{
		"an exec plugin":             config.ExecProvider != nil,
		"an auth provider":           config.AuthProvider != nil,
		"a proxy":                    config.Proxy != nil,
		"impersonation":              config.Impersonate.UserName != "",
		"a password":                 config.Username != "" || config.Password != "",
		"a transport of its own":     config.Transport != nil || config.WrapTransport != nil || config.Dial != nil,
		"a certificate not verified": config.Insecure,
	} {
		if set {
			return k8sleader.ClientConfig{}, fmt.Errorf("k8sleadermanager: %s is not supported: set Options.Client", what)
		}
	}
	loaded := rest.CopyConfig(config)
	if err := rest.LoadTLSFiles(loaded); err != nil {
		return k8sleader.ClientConfig{}, err
	}
	server, _, err := rest.DefaultServerUrlFor(loaded)
	if err != nil {
		return k8sleader.ClientConfig{}, err
	}
	made := k8sleader.ClientConfig{
		Server: strings.TrimSuffix(server.String(), "/"), Token: loaded.BearerToken, TokenFile: loaded.BearerTokenFile, CAData: loaded.CAData,
		CertData: loaded.CertData, KeyData: loaded.KeyData, TLSServerName: loaded.ServerName,
		Logger: slog.New(logr.ToSlogHandler(ctrl.Log.WithName("k8sleader"))),
	}
	if made.TokenFile != "" {
		made.Token = "" // client-go's copy of it; the file is read again
	}
	return made, nil
}
