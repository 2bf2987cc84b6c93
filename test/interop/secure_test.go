package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"zmicroservices/taskservice/keys"
	"zmicroservices/test/harness"
)

// Over CURVE, with the same files for all: pyzmq takes the keys out of them, czmq
// loads them as its own.
func TestEveryPeerHearsEveryPeerOverCURVE(t *testing.T) {
	k := harness.NewKeyring(t)
	speak := k.Add(keys.Grant{Name: "speaker", Role: keys.Serve})
	listen := k.Add(keys.Grant{Name: "listener"})
	p := k.Start(t, harness.Write(t, bare))
	newMatrix(t, p, []peerKind{
		{"pyzmq PUB", "PUB", pyzmq(curveText(t, speak)...)},
		{"pyzmq XPUB", "XPUB", pyzmq(curveText(t, speak)...)},
		{"pyzmq PUB with heartbeats", "PUB", pyzmq(append(curveText(t, speak), heartbeats)...)},
		{"czmq PUB", "PUB", czmq(curveFiles(k, speak)...)},
	}, []peerKind{
		{"pyzmq SUB", "SUB", pyzmq(curveText(t, listen)...)},
		{"pyzmq XSUB", "XSUB", pyzmq(curveText(t, listen)...)},
		{"pyzmq SUB with heartbeats", "SUB", pyzmq(append(curveText(t, listen), heartbeats)...)},
		{"czmq SUB", "SUB", czmq(curveFiles(k, listen)...)},
	}).judge()
	p.Stop()
}

// Over PLAIN, by a list of users.
func TestEveryPeerHearsEveryPeerOverPLAIN(t *testing.T) {
	const password = "a password of 26 letters"
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, fmt.Appendf(nil, "speaker:%s:serve:\nlistener:%s:observe:\n", hash, hash), 0o600); err != nil {
		t.Fatal(err)
	}
	speak := []string{"PLAIN_USER=speaker", "PLAIN_PASSWORD=" + password}
	listen := []string{"PLAIN_USER=listener", "PLAIN_PASSWORD=" + password}
	p := harness.Start(t, harness.Write(t, bare), "--plain="+users)
	newMatrix(t, p, []peerKind{
		{"pyzmq PUB", "PUB", pyzmq(speak...)},
		{"czmq PUB", "PUB", czmq(speak...)},
	}, []peerKind{
		{"pyzmq SUB", "SUB", pyzmq(listen...)},
		{"czmq SUB", "SUB", czmq(listen...)},
	}).judge()
	p.Stop()
}

// bare is a file with nothing to run.
var bare = harness.File{Tasks: []harness.Task{{ID: "ts001", Command: "/bin/true"}}}

// curveText is what voice.py needs of a secret file.
func curveText(t *testing.T, file string) []string {
	t.Helper()
	c, err := keys.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"CURVE_SERVER=" + c.Server.String(), "CURVE_PUBLIC=" + c.Public.String(), "CURVE_SECRET=" + c.Secret.Text()}
}

// curveFiles are what voice.c loads: zcert looks for the secret behind a public name.
func curveFiles(k *harness.Keyring, file string) []string {
	return []string{"CURVE_CERT=" + strings.TrimSuffix(file, "_secret"), "CURVE_SERVER_CERT=" + k.Server()}
}
