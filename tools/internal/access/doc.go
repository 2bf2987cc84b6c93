// Package access is how our command lines come to a bus: by which address, as whom,
// and what they say when it does not have them.
//
//	endpoint, err := access.FrontEnd("conf/Context-EchoAction.xml")
//	…
//	b, err := access.Listen(ctx, proof, endpoint, topics)
//	// nobody listens on tcp://127.0.0.1:5556: exit code 3
//
// It never retries: a bus that is not there now is an answer, too.
package access
