// Command conf_command is the operator's hand on a context: it starts, stops
// and restarts task services, asks how they are and why, follows the bus, and
// checks Context files. It understands the options of the original's conf_command and
// short verbs of its own:
//
//	conf_command start conf/Context-EchoAction.xml
//	conf_command stop conf/Context-EchoAction.xml ts_100
//	conf_command --endpoint=tcp://127.0.0.1:5557 --use_file --task_id=ts_100 \
//	  --context_file=conf/Context-EchoAction.xml --service_name=context \
//	  --transaction=6FDAHH3WPRVV7FGZCRIN --action=stop
//
// A run makes an order (original.go, or a verb's own file), finds a provider
// that can carry it out (provider.go: through its control socket, or over the
// bus), waits for the outcome (errand.go) and reports it (report.go). Exit codes
// are in code.go.
//
// The verb top alone has a screen (package screen), with eyes and hands of its own
// (viewer.go).
//
// services, ping, runtime, config and onboard speak with a watchdog and the microservices
// that it observes, over the bus alone (observed.go, roundup.go).
//
// peers asks a Scheduler about other hosts (scheduler.go), or NATS (nats.go); state, top and
// watch reach a context on one of them by --peer (far.go), over its bus alone.
//
// It never starts a process, and it never touches one: what it asks for appears
// on the bus as a message, byte for byte the original's but for
// header.request_id, by which the outcome is known.
//
// # Why not the bus alone
//
// Publishing has no receiver: a message to nobody is lost in silence, and a wait
// is all that tells it from a slow answer. A socket that is there, or is not,
// says at once which of the two it is. State queries leave no trace on the bus,
// either. Over an endpoint the bus is what there is, and so it is used.
package main
