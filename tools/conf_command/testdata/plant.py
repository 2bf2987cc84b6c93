"""A plant made of libzmq: a bus, a watchdog's answers, and agents that answer, or do not. One prefix an argument.

Prints {"backend", "frontend"}, then {"frame"} for every message that it heard. The end of stdin is the end.
"""
import json
import os
import sys
import threading

import zmq

prefix = sys.argv[1] if len(sys.argv) > 1 else "hippodamia"
NOW, BEFORE = "2026-11-21T10:00:00.5Z", "2026-11-21T09:59:57Z"

context = zmq.Context()
front, back = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
backend = "tcp://127.0.0.1:%d" % front.bind_to_random_port("tcp://127.0.0.1")
frontend = "tcp://127.0.0.1:%d" % back.bind_to_random_port("tcp://127.0.0.1")
threading.Thread(target=zmq.proxy, args=(front, back), daemon=True).start()

sub, pub = context.socket(zmq.SUB), context.socket(zmq.PUB)
sub.connect(frontend)
sub.subscribe(b"")
pub.connect(backend)
while not sub.poll(20):  # joined when we hear ourselves
    pub.send(b"hello @@@ {}")
while sub.poll(100):
    sub.recv()


def publish(topic, message):
    pub.send_string("%s.%s @@@ %s" % (prefix, topic, json.dumps(message)))


# pump and valve live, mute is deaf, and the last has said goodbye. What identifies pump gives its gid.
PUMP = "8398cfb3-33c6-5ecf-9404-a962fe1250d8"
GIDS = {"pump": PUMP, "valve": "8398aaaa-0000-5000-8000-000000000002", "mute": "77770000-0000-5000-8000-000000000003"}
OLD = "66660000-0000-5000-8000-000000000004"


def service(gid, name, state, **more):
    return dict({"gid": gid, "uuid": "u-" + name, "type": "modbus", "name": name, "host": "edge7", "config_id": "context001/ts001",
                 "version": "1.2", "pid": 7, "state": state, "first_seen": BEFORE, "last_seen": BEFORE, "onboardings": 1}, **more)


def services(request):
    reply = {"request_id": request, "timestamp": NOW}
    publish("reply.services", dict(reply, request_id="somebody-else", services=[]))
    publish("reply.services", dict(reply, services=[service(GIDS[n], n, s) for n, s in (("valve", "active"), ("pump", "active"))], more=True))
    publish("reply.services", dict(reply, services=[service(GIDS["mute"], "mute", "inactive"),
                                                    service(OLD, "old\x1b[2J", "terminated", reason="last-will")]))


def head(name):
    return {"gid": GIDS[name], "uuid": "u-" + name, "seq": 3, "timestamp": NOW}


def command(kind, gid):
    publish("state.ping", {"seq": "garbage"})
    for name in ("pump", "valve"):
        if gid not in (None, GIDS[name]):
            continue
        if kind == "ping":
            publish("state.ping", head(name))
        elif kind == "runtime":
            publish("state.runtime", dict(head(name), runtime={
                "pid": 4711, "rss": 12300000, "cpu_percent": 1.25, "uptime_s": 90.5, "threads": 9, "fds": 12, "state": "started",
                "versions": {"agent": "1", "go": "1.26"}, "log": [{"time": BEFORE, "level": "WARN", "message": "hot \x1b[2J"}]}))
        elif kind == "config":
            publish("state.config", dict(head(name), config={"every": "1s", "login": {"user": "a", "password": "***"}, "list": [1, 2]}))
        elif name == "pump":
            publish("state.ping", head(name))  # of its life before
            publish("contact", {"uuid": "new", "topic": prefix + ".uuid.new", "type": "modbus", "name": "pump", "host": "edge7",
                                "config_id": "context001/ts001", "version": "1.2", "pid": 7, "timestamp": NOW})
            publish("uuid.new", {"uuid": "new", "gid": PUMP, "timestamp": NOW})


def run():
    while True:
        frame = sub.recv_string()
        sys.stdout.write(json.dumps({"frame": frame}) + "\n")
        sys.stdout.flush()
        topic, _, payload = frame.partition(" @@@ ")
        if topic == prefix + ".query.services":
            services(json.loads(payload)["request_id"])
        elif topic == prefix + ".contact" and json.loads(payload)["type"] == "probe":
            asked = json.loads(payload)
            pub.send_string("%s @@@ %s" % (asked["topic"], json.dumps({"uuid": asked["uuid"], "gid": "given", "timestamp": NOW})))
        elif topic.startswith(prefix + ".command."):
            command(topic.rpartition(".")[2], json.loads(payload).get("gid"))


sys.stdout.write(json.dumps({"backend": backend, "frontend": frontend}) + "\n")
sys.stdout.flush()
threading.Thread(target=run, daemon=True).start()
sys.stdin.read()
os._exit(0)
