// Package hippodamia is what the watchdog and its agents say to each other: topics,
// messages and how they are read. It is pure: no socket, no clock, no state.
//
// An agent onboards: it subscribes to a topic of its own, says on contact who it is
// and where it listens, gets its gid there, and uses the regular topics from then on.
//
//	agent                                       watchdog
//	  │ subscribe hippodamia.uuid.<uuid>            │
//	  │ hippodamia.contact        OnboardingRequest │
//	  ├────────────────────────────────────────────►│
//	  │ hippodamia.uuid.<uuid>   OnboardingResponse │
//	  │◄────────────────────────────────────────────┤
//	  │ unsubscribe hippodamia.uuid.<uuid>          │
//	  │ hippodamia.state.ping|runtime|config|end    │
//	  ├────────────────────────────────────────────►│
//	  │ hippodamia.command.ping|runtime|config|onboarding
//	  │◄────────────────────────────────────────────┤
//
// The gid is GID of the request: type, name, host and config_id make it, and nothing
// else. Anyone asks the watchdog what it observes:
//
//	hippodamia.query.services   Query
//	hippodamia.reply.services   Services
//
// On our bus a message is framed as everything is, "topic @@@ {JSON}"; over MQTT the
// payload is the JSON alone and the topic has "/" for ".". The prefix, hippodamia, can
// be another one.
//
// Readers are strict in what they need and deaf to what they do not know: a field that
// is missing or of the wrong type is an *Error that names it, a field more is passed over.
//
// # Why a package of its own
//
// The agent is in every task service and the watchdog in none but one, and each of them is
// also spoken to by programs of others. What both must mean the same by is neither's.
package hippodamia
