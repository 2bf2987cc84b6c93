package zmqtest

import (
	"encoding/json"
	"testing"

	"zmicroservices/taskservice/zmtp/curve"
)

// Security is what Python peers prove to each other, and to ours.
type Security struct {
	Mechanism      string // "CURVE" or "PLAIN"
	User, Password string // of PLAIN

	Server  curve.Pair  // of a forwarder
	Client  curve.Pair  // of its observers and publishers
	Clients []curve.Key // who is let in, beside Client
}

// NewCurve makes all keys that a test needs, and credentials for one of ours.
func NewCurve(t testing.TB) (*Security, *curve.Credentials) {
	t.Helper()
	var pairs [3]curve.Pair
	for i := range pairs {
		var err error
		if pairs[i], err = curve.NewPair(); err != nil {
			t.Fatal(err)
		}
	}
	s := &Security{Mechanism: curve.Name, Server: pairs[0], Client: pairs[1], Clients: []curve.Key{pairs[2].Public}}
	return s, &curve.Credentials{Pair: pairs[2], Server: s.Server.Public}
}

// env is the environment of a Python peer.
func (s *Security) env(t testing.TB) []string {
	t.Helper()
	if s == nil {
		return nil
	}
	clients := []string{s.Client.Public.String()}
	for _, k := range s.Clients {
		clients = append(clients, k.String())
	}
	text, err := json.Marshal(map[string]any{
		"mechanism":     s.Mechanism,
		"user":          s.User,
		"password":      s.Password,
		"server_key":    s.Server.Public.String(),
		"server_secret": s.Server.Secret.Text(),
		"key":           s.Client.Public.String(),
		"secret":        s.Client.Secret.Text(),
		"clients":       clients,
	})
	if err != nil {
		t.Fatal(err)
	}
	return []string{"ZMQTEST_SECURITY=" + string(text)}
}
