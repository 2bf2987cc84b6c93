// Package keys keeps who may do what on a bus, in files: certificates for CURVE,
// in the format of pyzmq's zmq.auth and czmq's zcert, and a list of users for
// PLAIN.
//
//	certificate, err := keys.Load("pump.key_secret") // refused if others may read it
//	if err != nil {
//		return err
//	}
//	credentials, err := certificate.Credentials() // of a client: for bus.Options
//
// and at the server
//
//	clients, err := keys.OpenDirectory(keys.DirectoryOptions{
//		Path:    "keys/clients",
//		Logger:  log,
//		Revoked: func(gone []curve.Key) { … }, // hang up on them
//	})
//	if err != nil {
//		return err
//	}
//	go clients.Run(ctx) // sees within a second what was added, changed, removed
//	grant, known := clients.Lookup(key)
//
// # The files
//
// A certificate is ZPL (RFC 4), two files a name: NAME.key to give away, and
// NAME.key_secret, mode 0600, to keep. What is ours stands in its section of
// metadata, which other programs leave alone:
//
//	metadata
//	    name = "pump"
//	    role = "serve"
//	    services = "ts001 ts002"
//	    server-key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
//	curve
//	    public-key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
//
// What counts is the server's copy: a client cannot give itself a role. A
// certificate without a role is an observer's.
//
// The list of users has a line a user, NAME:HASH:ROLE:SERVICES, where HASH is
// bcrypt's. It begins as htpasswd -B writes it, and the two last may be missing.
//
// # What it never does
//
// It opens no connection and judges no message: a [Grant] is data. It never
// writes over a file, and never repeats a secret in an error.
//
// # Why not fsnotify
//
// A directory's own time says whether a file came or went, and asking for it
// costs a microsecond at each handshake. What an editor changes in place is
// found by a look a second, which works on every file system.
package keys
