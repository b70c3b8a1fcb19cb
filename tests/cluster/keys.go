package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	serviceAccountKey = "service-account.key"
	serviceAccountPub = "service-account.pub"
	clientCAKey       = "client-ca.key"
	clientCACert      = "client-ca.crt"
)

// makeKeys writes the key pair that signs service account tokens, and the authority for client certificates.
// Files that exist are left: tokens and certificates handed out stay good when the cluster starts again.
func makeKeys(args []string) int {
	flags := flag.NewFlagSet("make-keys", flag.ExitOnError)
	dir := flags.String("dir", ".", "folder to write to")
	_ = flags.Parse(args)

	if exists(filepath.Join(*dir, clientCACert)) && exists(filepath.Join(*dir, serviceAccountPub)) {
		return 0
	}
	key, err := newKey(filepath.Join(*dir, serviceAccountKey))
	if err != nil {
		return fail("make-keys: %v", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fail("make-keys: %v", err)
	}
	if err := writePEM(filepath.Join(*dir, serviceAccountPub), "PUBLIC KEY", public); err != nil {
		return fail("make-keys: %v", err)
	}

	key, err = newKey(filepath.Join(*dir, clientCAKey))
	if err != nil {
		return fail("make-keys: %v", err)
	}
	authority := template("test bed client authority")
	authority.IsCA = true
	authority.BasicConstraintsValid = true
	authority.KeyUsage = x509.KeyUsageCertSign
	certificate, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	if err != nil {
		return fail("make-keys: %v", err)
	}
	if err := writePEM(filepath.Join(*dir, clientCACert), "CERTIFICATE", certificate); err != nil {
		return fail("make-keys: %v", err)
	}
	return 0
}

// clientCertificate makes a key and a certificate for a user. Unlike the token file, which is read once, this
// gives a new user to a server that already runs.
func clientCertificate(args []string) int {
	flags := flag.NewFlagSet("client-certificate", flag.ExitOnError)
	authorityDir := flags.String("authority", ".", "folder with the authority")
	dir := flags.String("dir", ".", "folder to write to")
	user := flags.String("user", "", "name of the user")
	group := flags.String("group", "", "a group the user is in")
	lifetime := flags.Duration("lifetime", 24*time.Hour, "how long the certificate is valid")
	_ = flags.Parse(args)

	block, err := readPEM(filepath.Join(*authorityDir, clientCACert))
	if err != nil {
		return fail("client-certificate: %v", err)
	}
	authority, err := x509.ParseCertificate(block)
	if err != nil {
		return fail("client-certificate: %v", err)
	}
	block, err = readPEM(filepath.Join(*authorityDir, clientCAKey))
	if err != nil {
		return fail("client-certificate: %v", err)
	}
	authorityKey, err := x509.ParseECPrivateKey(block)
	if err != nil {
		return fail("client-certificate: %v", err)
	}

	key, err := newKey(filepath.Join(*dir, *user+".key"))
	if err != nil {
		return fail("client-certificate: %v", err)
	}
	subject := template(*user)
	if *group != "" {
		subject.Subject.Organization = []string{*group}
	}
	subject.NotAfter = time.Now().Add(*lifetime)
	subject.KeyUsage = x509.KeyUsageDigitalSignature
	subject.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	certificate, err := x509.CreateCertificate(rand.Reader, subject, authority, key.Public(), authorityKey)
	if err != nil {
		return fail("client-certificate: %v", err)
	}
	if err := writePEM(filepath.Join(*dir, *user+".crt"), "CERTIFICATE", certificate); err != nil {
		return fail("client-certificate: %v", err)
	}
	return 0
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		// Tests shift clocks; an hour of slack keeps that from becoming a question of certificates.
		NotBefore: time.Now().Add(-time.Hour),
		NotAfter:  time.Now().AddDate(1, 0, 0),
	}
}

func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(path, "EC PRIVATE KEY", encoded)
}

func writePEM(path, kind string, content []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600)
}

func readPEM(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, &os.PathError{Op: "decode", Path: path, Err: os.ErrInvalid}
	}
	return block.Bytes, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
