// Package mqtt is the watchdog's gateway to an MQTT broker: agents that speak MQTT are
// onboarded and watched like those on our bus, and ours are seen on the broker.
//
//	g, err := mqtt.New(mqtt.Options{
//		Broker: mqtt.Broker{URL: "mqtts://broker", User: "watchdog", PasswordFile: "/etc/zms/mqtt", CA: "ca.pem", QoS: 1},
//		Bus:    b, // one of its own: the gateway receives all that it subscribed to
//		Logger: log,
//	})
//	if err != nil {
//		return err
//	}
//	err = g.Run(ctx) // until ctx ends; reconnects meanwhile
//
// A topic has "/" there and "." here, a payload is the JSON alone there and framed here:
//
//	hippodamia/contact            ◄─► hippodamia.contact             who asks to be onboarded
//	hippodamia/state/ping|…|end   ◄─► hippodamia.state.ping|…|end    what agents say
//	hippodamia/command/ping|…     ◄─► hippodamia.command.ping|…      what is asked of agents
//	hippodamia/uuid/<uuid>        ◄── hippodamia.uuid.<uuid>         the watchdog's response
//	hippodamia/gateway/<name>                                        our own status, retained
//
// The response goes one way only: a watchdog on our bus answers who asked there, so a
// second answer from another watchdog on the broker could only bring a second gid.
// The topic that an onboarding request names is translated with it.
//
// Whatever comes from the broker becomes a message on one of nine constant topics or
// nothing: nobody there can say context, process, state or control here. It has to be
// one JSON object, and no larger than Options.MaxPayload; one that is larger is not even
// held in memory. What a broker kept for newcomers (retained messages) is of an unknown
// age and left out.
//
// # A message crosses once
//
// What the gateway says on either side it hears there again, for MQTT 3.1.1 and our bus
// know no "not to myself". It remembers the digest of what crossed, and in which
// direction. The same content from where it went to is an echo, whenever it comes; from
// where it came from, within ten seconds, it is a repetition: QoS 1 delivered it twice,
// or it went round a circle of gateways and bridges. Neither crosses again. Messages of
// the watchdog carry a uuid with a sequence number or a request id, and a time, so that
// two that are the same to the byte are one.
//
// An agent's last will at the broker, on hippodamia/state/end, arrives as any message.
//
// # What it never does
//
// It keeps nothing on disk, and holds up neither side: a queue in each direction is
// bounded, what is oldest is dropped, and drops are counted (Figures). It never writes
// the password anywhere, and reads it, and certificates, anew for each connection.
//
// # Why not paho's own reconnect
//
// It keeps no bound on what is published meanwhile, waits without looking at a context,
// and cannot say why the broker refused. A client per connection is shorter than what
// would tame that.
//
// # Why not the mark of a bridge (0x84 as protocol level)
//
// Mosquitto does not echo to who connects so; other brokers refuse it, and our bus
// would echo all the same.
package mqtt
