"""Publishes each line of stdin at the endpoint of argv[1], once subscribed to."""
import sys

import zmq

context = zmq.Context()
socket = context.socket(zmq.XPUB)
socket.linger = 10000
socket.connect(sys.argv[1])
socket.recv()  # the forwarder's subscription: nothing is lost from here on
for line in sys.stdin:
    socket.send_string(line.rstrip("\n"))
socket.close()
context.term()  # waits until all has left
