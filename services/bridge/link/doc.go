// Package link connects to NATS with whatever it wants as proof: a credentials file, an
// nkey, a user with a password, certificates.
//
//	o := link.Options{URLs: []string{"tls://nats.example.net:4222"}, CredsFile: "/etc/zms/bridge.creds"}
//	nc, err := o.Connect(nats.Name("zmicroservices bridge"))
//
// Secrets are in files and nowhere else: a URL with a password in it is refused, because
// it would be seen in argv, in a Context file and in logs. A file with a secret that
// others may read is refused, too. Files are read again at each connection, so that a
// secret is changed by changing its file.
//
// A password goes over the wire as it is; beyond loopback it is only sent over TLS.
// Credentials and nkeys sign what the server sends, and show nothing.
package link
