package mqtt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zmicroservices/services/watchdog/hub"
	"zmicroservices/test/harness"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = a.newKey()
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

// write puts its own certificate into a file.
func (a *authority) write(path string) { writePEM(a.t, path, "CERTIFICATE", a.cert.Raw) }

// issue writes a certificate for a name, who is at 127.0.0.1, and its key.
func (a *authority) issue(name, certPath, keyPath string) {
	a.t.Helper()
	key := a.newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	writePEM(a.t, certPath, "CERTIFICATE", der)
	if der, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		a.t.Fatal(err)
	}
	writePEM(a.t, keyPath, "PRIVATE KEY", der)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// joins runs a gateway until it is joined, or says why it is not.
func joins(t *testing.T, b Broker) error {
	t.Helper()
	g, err := New(Options{Broker: b, Bus: hub.New().Join()})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, g)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	return g.Join(ctx)
}

func TestOverTLSWithACertificate(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	broker := harness.StartMosquitto(t, func(dir string) {
		ours.write(filepath.Join(dir, "ca"))
		ours.issue("broker", filepath.Join(dir, "cert"), filepath.Join(dir, "key"))
		ours.issue("dog", filepath.Join(dir, "dog.cert"), filepath.Join(dir, "dog.key"))
		others.write(filepath.Join(dir, "other.ca"))
		others.issue("dog", filepath.Join(dir, "other.cert"), filepath.Join(dir, "other.key"))
	}, "allow_anonymous true", "cafile %DIR%/ca", "certfile %DIR%/cert", "keyfile %DIR%/key", "require_certificate true")
	in := func(name string) string { return filepath.Join(broker.Dir, name) }
	broker.Args = []string{"--cafile", in("ca"), "--cert", in("dog.cert"), "--key", in("dog.key")}
	url := fmt.Sprintf("mqtts://127.0.0.1:%d", broker.Port())
	good := Broker{URL: url, CA: in("ca"), Cert: in("dog.cert"), Key: in("dog.key"), QoS: 1}

	s := begin(t, broker, Options{Broker: good})
	there := broker.Sub("hippodamia/#")
	broker.Pub("hippodamia/state/ping", ping("theirs"))
	s.hears("theirs")
	s.say("hippodamia.state.ping", ping("ours"))
	there.Until("ours")

	for name, b := range map[string]Broker{
		"the broker's is signed by another":  {URL: url, CA: in("other.ca"), Cert: in("dog.cert"), Key: in("dog.key")},
		"the broker's is for another name":   {URL: fmt.Sprintf("mqtts://localhost:%d", broker.Port()), CA: in("ca"), Cert: in("dog.cert"), Key: in("dog.key")},
		"ours is missing":                    {URL: url, CA: in("ca")},
		"ours is signed by another":          {URL: url, CA: in("ca"), Cert: in("other.cert"), Key: in("other.key")},
		"the system knows nobody who signed": {URL: url, Cert: in("dog.cert"), Key: in("dog.key")},
	} {
		if err := joins(t, b); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "tls: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithUserAndPassword(t *testing.T) {
	broker := harness.StartMosquitto(t, func(dir string) {
		for name, text := range map[string]string{
			"passwd": "dog:sesame-7\n", "secret": "sesame-7\n", "wrong": "sesame-0\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.Command("mosquitto_passwd", "-U", filepath.Join(dir, "passwd")).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
		}
	}, "allow_anonymous false", "password_file %DIR%/passwd")
	broker.Args = []string{"-u", "dog", "-P", "sesame-7"}
	as := func(user, file string) Broker {
		return Broker{URL: broker.URL(), User: user, PasswordFile: filepath.Join(broker.Dir, file), QoS: 1}
	}
	s := begin(t, broker, Options{Broker: as("dog", "secret")})
	there := broker.Sub("hippodamia/#")
	s.say("hippodamia.state.ping", ping("ours"))
	there.Until("ours")
	broker.Pub("hippodamia/state/ping", ping("theirs"))
	s.hears("theirs")

	for name, b := range map[string]Broker{
		"a wrong password": as("dog", "wrong"), "nobody": {URL: broker.URL()}, "a stranger": as("fox", "secret"),
	} {
		err := joins(t, b)
		if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if log := s.log.String(); strings.Contains(log, "sesame") {
		t.Errorf("a password is in the log:\n%s", log)
	}
}

func TestAPasswordMayChangeWhileWeRun(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	broker := harness.StartMosquitto(t, func(dir string) {
		path := filepath.Join(dir, "passwd")
		if err := os.WriteFile(path, []byte("dog:right\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mosquitto_passwd", "-U", path).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
		}
	}, "allow_anonymous false", "password_file %DIR%/passwd")
	write("wrong")
	g, err := New(Options{Broker: Broker{URL: broker.URL(), User: "dog", PasswordFile: secret}, Bus: hub.New().Join()})
	if err != nil {
		t.Fatal(err)
	}
	run(t, g)
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if err := g.Join(ctx); !errors.Is(err, ErrRefused) {
		t.Fatal(err)
	}
	write("right")
	for err = g.Join(ctx); errors.Is(err, ErrRefused); err = g.Join(ctx) {
	}
	if err != nil {
		t.Error(err)
	}
}
