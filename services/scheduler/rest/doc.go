// Package rest is the scheduler over HTTP: the calls that it makes, and the API that it
// answers.
//
//	POST /sync          {"uuid", "ip"?}  200 {"uuid", "ip", "consumers": [{"uuid", "ip", "last_seen"}]}
//	POST /ip            {"uuid", "ip"}   200 {"uuid", "ip"}
//	GET  /peers                          who is known, and whether it can be reached
//	GET  /contexts                       what this host runs
//	GET  /openapi.json                   all this, for programs (OpenAPI 3.1)
//
// Every answer is JSON; every refusal is {"error": "…"} with a status of its own: 400 for
// a body that is not what it should be, 401 without the secret, 403 for a page in a browser, 404, 405, 413, 415, 429 for
// who calls too often, 503 when there is no room for one more peer. A call may be repeated:
// it says what is, not what to do.
//
//	server, err := rest.Listen(rest.Options{Address: "10.0.0.1:8090", Engine: e, Logger: log, Secret: secret})
//	…
//	err = server.Serve(ctx)
//	client, err := rest.NewClient(rest.ClientOptions{Secret: secret})
//
// # Who is heard
//
// Beyond loopback only who has the shared secret, or a certificate of the same authority;
// or everybody, if PlainHTTP says so for peers that know neither. A source has so many
// calls a second and so many connections, and each connection so much time to say
// what it wants.
//
// # What a scheduler adds for its like
//
// The header Zms-Known of a call and of its answer is the digest of who is known. To a
// caller who knows the same the list of consumers is empty, as there is nothing in it for
// it; to one who sends no such header it is always whole.
//
// # What it never does
//
// It follows no redirect, uses no proxy, and reads no more of an answer than it may be
// long. It decides nothing about peers: engine does.
//
// # Why not the host names of certificates
//
// The addresses of peers change, which is what this is about, so no certificate could
// name them. The authority is the peers' own: whoever has one of its certificates is one
// of them.
package rest
