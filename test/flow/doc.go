// Package flow tests what the product knows of the messages on its bus, with its own
// programs and real services: <expect>, conf_command bus, record and replay.
package flow
