package bridge

import (
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
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"zmicroservices/services/bridge/subject"
)

// authority signs the certificates of a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.sign(t, "ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign makes NAME.pem and NAME.key.
func (a *authority) sign(t *testing.T, name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	a.write(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func (a *authority) write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// A server that wants TLS with certificates on both sides, with accounts: bridges are in
// one, each with the permissions that the README names; a bridge is reached by who may,
// and there is nothing for who may not.
func TestTLSAndAccounts(t *testing.T) {
	a := newAuthority(t)
	a.sign(t, "server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	a.sign(t, "client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := pair.Seed()
	public, _ := pair.PublicKey()
	server := startNATS(t, fmt.Sprintf(`
tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }
accounts {
  OPS {
    jetstream: enabled
    users: [
      { user: edge1, password: "s3cret-of-edge1", permissions: {
          publish: ["zmicroservices.edge1.>", "choria.lifecycle.event.>", "$JS.API.>", "_INBOX.>"]
          subscribe: ["zmicroservices.edge1.>", "zmicroservices.discover", "_INBOX.>"] } }
      { nkey: %s }
      { user: viewer, password: "viewer", permissions: {
          publish: ["zmicroservices.discover", "zmicroservices.*.*.ask.>"]
          subscribe: ["zmicroservices.>", "_INBOX.>"] } }
    ]
  }
  OTHERS { users: [ { user: stranger, password: "stranger" } ] }
}`, a.file("server.pem"), a.file("server.key"), a.file("ca.pem"), public))
	url := "tls://" + server.address()
	tls := []nats.Option{nats.RootCAs(a.file("ca.pem")), nats.ClientCert(a.file("client.pem"), a.file("client.key"))}
	connect := func(name string, further ...nats.Option) *nats.Conn {
		t.Helper()
		return server.client(append(append([]nats.Option{nats.Name(name)}, tls...), further...)...)
	}
	files := func(proof, file string) object {
		return object{"url": url, "ca_file": a.file("ca.pem"), "cert_file": a.file("client.pem"), "key_file": a.file("client.key"), proof: file}
	}
	login := a.write(t, "edge1.login", []byte("edge1:wrong\n"))
	nkey := a.write(t, "edge2.nk", seed)
	first, second := newDevice(t), newDevice(t)
	on := first.peer(t, "context")
	edge1 := startBridge(t, first.config(t, "edge1", object{"nats": files("user_file", login), "commands": "true"}), fakeSource{})
	until(t, "a wrong password is said", func() bool { return edge1.log.has("no link to NATS") })
	a.write(t, "edge1.login", []byte("edge1:s3cret-of-edge1\n"))
	edge1.up() // with what the file says now
	startBridge(t, second.config(t, "edge2", object{"nats": files("nkey_file", nkey)}), fakeSource{}).up()
	if edge1.log.has("s3cret") || edge1.log.has("wrong") {
		t.Errorf("a secret is in the log:\n%s", edge1.log)
	}

	viewer := connect("viewer", nats.UserInfo("viewer", "viewer"))
	violated := make(chan error, 10)
	viewer.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		select {
		case violated <- err:
		default:
		}
	})
	state := subject.Place{Host: "edge1", Context: "context001"}.Ask("state")
	if m, err := viewer.Request(state, []byte(`{"transaction": "T"}`), patience); err != nil || string(m.Data) != `[{"transaction":"T"}]` {
		t.Errorf("state: %v %v", m, err)
	}
	command := subject.Place{Host: "edge1", Context: "context001"}.Command("context")
	const stop = `{"header": {"action": "stop", "service_id": "context001", "service_name": "context", "service_transaction": "T"}, "content": {}}`
	if err := viewer.PublishRequest(command, viewer.NewRespInbox(), []byte(stop)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-violated:
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), "command.context") {
			t.Errorf("a viewer's command: %v", err)
		}
	case <-time.After(patience):
		t.Error("a viewer's command was not refused")
	}

	stranger := connect("stranger", nats.UserInfo("stranger", "stranger"))
	for _, to := range []string{subject.Discover, state, command} {
		if m, err := stranger.Request(to, []byte(stop), patience); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("%s from another account: %v %v", to, m, err)
		}
	}
	// Whoever may command a bridge that takes none is told so. What was refused above is
	// not on the bus: this one is the first.
	operator := connect("operator", nats.Nkey(public, pair.Sign))
	m, err := operator.Request(subject.Place{Host: "edge2", Context: "context001"}.Command("context"), []byte(stop), patience)
	if err != nil || !strings.Contains(string(m.Data), "<commands>true</commands>") && !strings.Contains(string(m.Data), `\u003ccommands\u003etrue`) {
		t.Errorf("a bridge without commands: %v %v", m, err)
	}
	if err := operator.PublishRequest(command, operator.NewRespInbox(), []byte(strings.Replace(stop, `"T"`, `"OURS"`, 1))); err != nil {
		t.Fatal(err)
	}
	if frame := receive(t, on); !strings.Contains(frame, "OURS") {
		t.Errorf("on the bus is %s", frame)
	}
}
