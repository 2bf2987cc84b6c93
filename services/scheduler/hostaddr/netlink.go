package hostaddr

import (
	"context"

	"github.com/vishvananda/netlink"
)

// subscribe gives a word each time an address of the host comes or goes, until ctx ends.
// The channel is closed then, or when nothing more can be told; it is to be read until
// it is.
type subscribe func(ctx context.Context) (<-chan struct{}, error)

// receiveBuffer is how many bytes of words may wait for us; a container host makes many
// at once. What is lost beyond is seen at the next look.
const receiveBuffer = 256 << 10

// netlinkEvents is subscribe by the kernel.
func netlinkEvents(ctx context.Context) (<-chan struct{}, error) {
	updates := make(chan netlink.AddrUpdate) // sent and closed by netlink, at its socket's end
	if err := netlink.AddrSubscribeWithOptions(updates, ctx.Done(), netlink.AddrSubscribeOptions{ReceiveBufferSize: receiveBuffer}); err != nil {
		return nil, err
	}
	words := make(chan struct{})
	go func() { // ends with netlink's channel
		defer close(words)
		for range updates {
			words <- struct{}{}
		}
	}()
	return words, nil
}
