// Command scheduler keeps hosts in touch: it synchronises with all known consumers once
// an interval, tells producers of a change of address at once, and answers both.
//
//	scheduler --listen 10.0.0.1:8090 --secret_file /etc/zms/secret --peer 10.0.0.2:8090
//
// It is services/scheduler without a provider around it: no bus, no contexts to tell of.
// The first line on stdout is where it listens. It exits with 0 after SIGINT or SIGTERM,
// 1 when it failed (a port in use too), 2 for wrong flags or an unreadable file.
//
// # Why not only a bundled task service
//
// A host can be a producer or a consumer to others and run no context; it has to be found
// all the same. It adds flags, and no rule.
package main
