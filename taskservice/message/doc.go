// Package message is the envelope that everything on the bus travels in.
//
// A frame is `<topic> @@@ <json>`. The JSON has the look of the original's
// json.dumps(sort_keys=True, indent=4, separators=(',', ': ')): sorted keys,
// four spaces, pure ASCII, so that an old client, a diff and a human see what
// they always saw. Five topics carry the life of a context:
//
//	context   a command to the provider         Command
//	          what a transaction costs          Usage
//	process   a command to one task service     Process (the task object itself)
//	control   a report of a state               Control
//	state     a question, and its answer        State
//	monitor   process usage, one line           EncodeLine
//
// The package is pure: it opens nothing, starts nothing, keeps nothing. It
// knows the shape of a message, never whether one may be obeyed.
//
//	frame, err := message.Control{
//		Header: message.Header{Action: "started", ServiceID: "ts001", ServiceName: "echo_action", Transaction: t},
//		Status: map[string]any{"device_action": "shout", "pid": os.Getpid(), "result": "success"},
//	}.Frame()
//
// # Why not encoding/json alone
//
// json.MarshalIndent leaves non-ASCII letters raw, escapes < and >, and writes
// 1.0 as 1. Each is legal JSON and each is a visible difference from what the
// original's tools print and compare.
//
// # Why not a struct per message
//
// A task's configuration is whatever its author wrote into the file, and users
// put keys of their own beside ours. Maps keep what we do not know; the
// types here pull out only what someone decides by.
package message
