// Package secure tests the bus behind keys from outside: service_context with
// --curve or --plain as a process of its own, and libzmq's clients (pyzmq) with
// keys and passwords of every kind. What a role may not say must never be seen by
// anybody; who has no key, or one no longer, is out; nobody else notices.
package secure
