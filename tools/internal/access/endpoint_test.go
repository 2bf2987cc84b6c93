package access

import (
	"testing"

	"zmicroservices/tools/internal/exit"
)

func TestEndpointsThatCanBeDialled(t *testing.T) {
	for endpoint, want := range map[string]string{
		"tcp://127.0.0.1:5556": "tcp 127.0.0.1:5556",
		"tcp://[::1]:5556":     "tcp [::1]:5556",
		"ipc:///tmp/x":         "unix /tmp/x",
		"ipc://@abstract":      "unix @abstract",
	} {
		network, address, err := Dialable(endpoint)
		if got := network + " " + address; err != nil || got != want {
			t.Errorf("%s: %s, %v", endpoint, got, err)
		}
	}
	for _, endpoint := range []string{"", "x", "tcp://", "tcp://*:5556", "tcp://h", "tcp://:1", "udp://h:1", "inproc://x", "ipc://"} {
		if _, _, err := Dialable(endpoint); err == nil || exit.Code(err) != exit.CodeUsage {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
