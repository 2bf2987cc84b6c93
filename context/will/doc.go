// Package will keeps last wills: messages that peers of the bus have laid down to be
// published when they cannot say them any more, as MQTT has them.
//
//	zms.will @@@ {"topic":"hippodamia.state.end","payload":{"gid":"…","uuid":"…","seq":0,"timestamp":"…","reason":"last-will"}}
//
// A second will of a connection on the same topic, and about the same gid where
// payloads have one, takes the place of the first; a payload of null withdraws those
// of its topic, or of "gid" beside it. A goodbye that the peer says itself withdraws
// what was laid down for it.
//
//	book, err := will.New(will.Options{Standing: standing, Logger: log})
//	…
//	book.Put(author, payload)   // what came on will.Topic
//	book.Own(conn, ref)         // it is a task service's connection
//	book.Closed(conn)           // the connection broke
//	book.Gone(ref, died)        // the process ended, and nobody had asked for that
//	book.Said(conn, topic, gid) // it has said so itself
//
// # When a will is published
//
// A stranger's at once when its connection breaks, whatever broke it: ZMTP has no
// goodbye. A task service's when its process has died, which the keeper knows; if its
// connection breaks before that, or alone, after Grace, unless it has laid down the
// same again by then. A task service that was told to stop, and did, has none. Nothing
// is published twice.
//
// A will is its author's word: it may hold what the author might publish itself, which
// is asked when it is laid down and once more when it is published. What commands or
// reports about task services (context, process, state, control) is refused: those are
// of the moment, and the provider says itself how a service has ended.
//
// It opens no connection, knows no role and no key, and decides nothing about task
// services. Everything is bounded (MaxWills, MaxSize, MaxAll, MaxBytes) and counted.
//
// # What is lost with the provider
//
// Wills are in memory. When the provider dies every connection breaks, and who lives
// on connects and lays down its will again; whoever dies meanwhile has none, and its
// watchdog notices by its silence.
//
// Why not on disk: a will of before would have to be told from one that its author, who
// nobody watched meanwhile, has withdrawn; a goodbye that is false is worse than one
// that is late.
//
// # Goroutines
//
// Run is one, until its context ends: it publishes what Grace has let wait. All else
// happens on the goroutines of the callers, which wait for nothing but a lock.
//
// # Why a room of its own
//
// A will needs what three rooms know: whose connection broke is the forwarder's, whose
// process ended the keeper's, who may say what command's. The forwarder stays bytes in,
// bytes out; provider tells the book, and publishes what it gives.
package will
