// Package subject names what the bridge says and hears on NATS: how a host, a context
// and a topic of the bus become a subject, and back. It is pure.
//
//	zmicroservices.<host>.<context>.<topic>             what was said on that bus
//	zmicroservices.<host>.<context>.command.<topic>     request: a command to its provider
//	zmicroservices.<host>.<context>.ask.state|top       request: a question to its provider
//	zmicroservices.discover                             request: who is there?
//	choria.lifecycle.event.<type>.<component>           life cycle events, as Choria has them
//
// A topic keeps its dots, so that NATS's wildcards work on its parts; a host and a
// context are one part each, whatever they contain:
//
//	edge.example.net, context001, hippodamia.state.ping
//	zmicroservices.edge%2Eexample%2Enet.context001.hippodamia.state.ping
//
// # Escaping
//
// A part keeps the letters, digits, "-" and "_" of ASCII; any other byte is % and two
// capital hexadecimal digits; an empty part is a lone %. A topic whose first part is
// command or ask has that part's first letter escaped (%63ommand): no message of the bus
// can look like a request, whoever published it there. There is one spelling of each
// name, and Parse refuses all others.
//
// # Why not the hash or the base64 of a name
//
// Subjects are read by people, who write permissions and subscriptions by hand; nearly
// all names are their own escape.
package subject
