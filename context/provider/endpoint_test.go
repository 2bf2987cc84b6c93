package provider

import "testing"

func TestClientsAreToldThePortThatWasBound(t *testing.T) {
	bound := []string{"tcp://127.0.0.1:40123"}
	for _, c := range []struct{ endpoint, bind, want string }{
		{"tcp://127.0.0.1:5556", "tcp://*:5556", "tcp://127.0.0.1:5556"},
		{"tcp://127.0.0.1:5556", "tcp://*:0", "tcp://127.0.0.1:40123"},
		{"tcp://gateway:5556", "tcp://127.0.0.1:*", "tcp://gateway:40123"},
		{"tcp://[::1]:5556", "tcp://*:0", "tcp://[::1]:40123"},
		{"ipc:///run/x:0", "ipc:///run/x:0", "ipc:///run/x:0"},
	} {
		if got := concrete(c.endpoint, c.bind, bound); got != c.want {
			t.Errorf("%s at %s is said to be %s, want %s", c.endpoint, c.bind, got, c.want)
		}
	}
}
