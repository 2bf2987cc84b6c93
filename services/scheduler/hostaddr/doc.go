// Package hostaddr knows the host's own address as its peers would call it, and when it
// changes.
//
//	w := hostaddr.New(hostaddr.Options{Logger: log, Port: 8090, Changed: e.Moved})
//	…
//	err = w.Run(ctx)
//	w.Self("10.0.0.7") // 10.0.0.3:8090, the source address of a route to there
//
// The kernel tells of addresses that come and go (rtnetlink(7), RTNLGRP_IPV4_IFADDR and
// RTNLGRP_IPV6_IFADDR); what it means for us is asked once more at each of these words, a
// few times, as routes and duplicate address detection follow addresses, and every
// half minute in case a word was missed: a change of routes alone makes none.
//
// Which address it is: that which the kernel would send from to a peer. A UDP socket that
// is connected says so, and sends nothing.
//
// # What it never does
//
// It changes no address and sends no packet. It asks no service out there what our
// address is: behind a translation of addresses say it with Force.
package hostaddr
