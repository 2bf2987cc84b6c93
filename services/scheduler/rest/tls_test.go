package rest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
)

// authority makes certificates, in files.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.make("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	return a
}

// make writes NAME.crt and NAME.key.
func (a *authority) make(name string, template *x509.Certificate, parent *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	template.NotBefore = time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	signer := key
	if parent == nil {
		parent = template
	} else {
		signer = a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".crt": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// client gives a client with a certificate of this authority that trusts another.
func (a *authority) client(name string, trust *authority) *Client {
	a.t.Helper()
	config, err := LoadTLS(filepath.Join(a.dir, name+".crt"), filepath.Join(a.dir, name+".key"), filepath.Join(trust.dir, "ca.crt"))
	if err != nil {
		a.t.Fatal(err)
	}
	c := NewClient(ClientOptions{TLS: config})
	a.t.Cleanup(c.Close)
	return c
}

func TestPeersOfOneAuthorityAreHeard(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	for _, a := range []*authority{ours, theirs} {
		a.make("host", &x509.Certificate{}, a.cert) // it names no address
		a.make("old", &x509.Certificate{NotAfter: time.Now().Add(-time.Minute)}, a.cert)
	}
	config, err := LoadTLS(filepath.Join(ours.dir, "host.crt"), filepath.Join(ours.dir, "host.key"), filepath.Join(ours.dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	a := serve(t, func(o *Options) { o.TLS = config })
	call := func(c *Client) error {
		_, err := c.Sync(t.Context(), peer.Address(a.Address()), peer.Call{UUID: uuid.New()})
		return err
	}
	if err := call(ours.client("host", ours)); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]*Client{
		"one of another authority":      theirs.client("host", ours),
		"one who trusts another":        ours.client("host", theirs),
		"one whose certificate is over": ours.client("old", ours),
		"one who comes without TLS":     NewClient(ClientOptions{}),
	} {
		if err := call(c); err == nil {
			t.Errorf("%s is heard", name)
		}
		c.Close()
	}
	if n := len(a.engine.Peers()); n != 1 {
		t.Errorf("%d peers are known", n)
	}
}

func TestFilesOfSecretsAndCertificates(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if got, err := LoadSecret(write("good", "s3cret\n")); err != nil || got != "s3cret" {
		t.Errorf("%q %v", got, err)
	}
	for text, want := range map[string]string{"": "is empty", " \n": "is empty", "a\nb": "more in it", "\x00": "more in it"} {
		if _, err := LoadSecret(write("bad", text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := LoadSecret(filepath.Join(dir, "none")); err == nil {
		t.Error("no file is a secret")
	}
	a := newAuthority(t)
	a.make("host", &x509.Certificate{}, a.cert)
	cert, key := filepath.Join(a.dir, "host.crt"), filepath.Join(a.dir, "host.key")
	if _, err := LoadTLS(cert, key, key); err == nil || !strings.Contains(err.Error(), "no certificate in") {
		t.Errorf("a key for an authority: %v", err)
	}
	if _, err := LoadTLS(cert, filepath.Join(a.dir, "ca.key"), cert); err == nil || !strings.Contains(err.Error(), "load certificate") {
		t.Errorf("another's key: %v", err)
	}
}
