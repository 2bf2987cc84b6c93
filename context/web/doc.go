// Package web is the provider's page: what it knows, over HTTP, for machines that ask
// regularly. It is off unless an address was given.
//
//	/metrics   for Prometheus
//	/healthz   200 while the provider works; ills that it works on with are named
//	/readyz    200 when every task service that is to be up is ready, else 503 and their names
//	/api/top   event.Figures as JSON, the value behind `conf_command top`
//	/docs/     asyncapi.json, messages.md: what watchdog and agents say to each other
//	/          what there is, as text
//
//	s, err := web.New(web.Options{Address: "127.0.0.1:9090", Figures: figures, Standing: standing, Metrics: metrics, Logger: log})
//	…
//	err = s.Run(ctx)
//
// It only reads (GET and HEAD): nothing that runs can be started, stopped or changed
// here. It listens on loopback, and beyond only if that was said in so many words
// (Insecure), since it asks nobody for a password and names programs and files.
//
// # Why the Host header is checked
//
// A page of a stranger's site in a browser on this machine can have its own name
// resolved to 127.0.0.1, and would then be one with us by the browser's rules (DNS
// rebinding). Its requests still carry the stranger's name: Host must be an address, a
// name of loopback or, where we are open to others, this machine's; so must Origin, if
// there is one.
//
// # Why not /debug/pprof
//
// A profile stops the world now and then and shows what is in memory. Who may see that
// may use a debugger.
package web
