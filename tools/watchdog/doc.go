// Command watchdog is the watchdog without a context: on a bus that somebody else runs,
// on an MQTT broker alone, or on both at once.
//
//	watchdog --mqtt mqtt://broker --database /var/lib/zms/watchdog.db
//	watchdog conf/Context-EchoAction.xml --mqtt mqtts://broker --mqtt_ca ca.pem --mqtt_user dog --mqtt_password_file secret
//
// It is services/watchdog with services/watchdog/mqtt, and a hub where there is no bus.
// It runs until SIGTERM or SIGINT, and exits with 0 then, 1 when it failed or was
// refused, 2 for wrong flags or a wrong file, 3 when nobody is there to be joined.
//
// It never takes a password as a flag, which ps would show.
//
// # Why not only a bundled task service
//
// Where all microservices speak MQTT there is no context to run one, nor a bus: who has a
// broker needs this program and a file for its database. It adds flags, and no rule.
package main
