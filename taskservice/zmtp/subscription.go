package zmtp

// ParseSubscription reads the body of a message from a SUB or XSUB as ZMTP 3.0
// subscriptions are sent: 0x01 and a prefix subscribes, 0x00 and a prefix
// cancels. Any other message is the user's own (ok is false). The prefix is a
// slice of body.
func ParseSubscription(body []byte) (prefix []byte, subscribe, ok bool) {
	if len(body) == 0 || body[0] > 1 {
		return nil, false, false
	}
	return body[1:], body[0] == 1, true
}

// AppendSubscription appends a subscription as the peer's version wants it: a
// SUBSCRIBE or CANCEL command from 3.1 on, a message before.
func AppendSubscription(dst []byte, peer Greeting, subscribe bool, prefix []byte) []byte {
	if peer.AtLeast(3, 1) {
		if subscribe {
			return AppendCommand(dst, SubscribeCommand, prefix)
		}
		return AppendCommand(dst, CancelCommand, prefix)
	}
	dst = AppendHeader(dst, 0, 1+len(prefix))
	if subscribe {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 0)
	}
	return append(dst, prefix...)
}
