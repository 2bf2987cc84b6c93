package zmtp

import (
	"fmt"
	"slices"
)

// SocketType is the value of the Socket-Type property.
type SocketType string

// The socket types of the publish-subscribe pattern (RFC 29).
const (
	PUB  SocketType = "PUB"
	SUB  SocketType = "SUB"
	XPUB SocketType = "XPUB"
	XSUB SocketType = "XSUB"
)

// known are all types of RFC 23 and 37 and libzmq's drafts, so that a mistaken
// peer is told apart from a broken one.
var known = []SocketType{
	PUB, SUB, XPUB, XSUB, "REQ", "REP", "DEALER", "ROUTER", "PUSH", "PULL", "PAIR", "STREAM",
	"CLIENT", "SERVER", "RADIO", "DISH", "GATHER", "SCATTER", "CHANNEL", "PEER", "DGRAM",
}

// peerType returns the peer's socket type if it is one of accepted.
func peerType(m Metadata, accepted []SocketType) (SocketType, error) {
	value, ok := m.Get(SocketTypeProperty)
	if !ok {
		return "", fmt.Errorf("no Socket-Type: %w", ErrMalformed)
	}
	t := SocketType(value)
	switch {
	case slices.Contains(accepted, t):
		return t, nil
	case slices.Contains(known, t):
		return t, fmt.Errorf("peer is a %s socket, this endpoint is for %v: %w", t, accepted, ErrSocketType)
	default:
		return "", fmt.Errorf("socket type %.32q: %w", value, ErrMalformed)
	}
}
