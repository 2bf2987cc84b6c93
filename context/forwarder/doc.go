// Package forwarder is the forwarder device: what publishers send to its front
// goes to those at its back that subscribed to it, as with zmq_proxy(XSUB, XPUB)
// or the forwarder of libzmq.
package forwarder
