"""A bus and a context on it, made of libzmq: zmq.proxy, and a provider that answers as its transaction's name says.

Prints one JSON object a line: first {"backend", "frontend"}, then {"frame"} for every message that it heard.
Reads stdin: a line there is a message to publish, as a JSON string; its end is the end.
"""
import json
import os
import sys
import threading

import zmq

context = zmq.Context()
front, back = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
backend = "tcp://127.0.0.1:%d" % front.bind_to_random_port("tcp://127.0.0.1")
frontend = "tcp://127.0.0.1:%d" % back.bind_to_random_port("tcp://127.0.0.1")


def proxy():
    try:
        zmq.proxy(front, back)
    except zmq.ContextTerminated:
        pass
    front.close(0)
    back.close(0)


threading.Thread(target=proxy, daemon=True).start()

sub, pub = context.socket(zmq.SUB), context.socket(zmq.PUB)
sub.connect(frontend)
sub.subscribe(b"")
pub.connect(backend)
while not sub.poll(20):  # joined when we hear ourselves
    pub.send(b"hello @@@ {}")
while sub.poll(100):
    sub.recv()


def say(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def publish(topic, message):
    pub.send_string("%s @@@ %s" % (topic, json.dumps(message, sort_keys=True, indent=4)))


def control(header, action, service, name, **status):
    publish("control", {
        "header": {"action": action, "service_id": service, "service_name": name,
                   "service_transaction": header["service_transaction"], "request_id": header["request_id"]},
        "content": {"status": dict({"device_action": "", "result": "success"}, **status)}})


def result(header, word, **more):
    control(header, "update", "context001", "context", device_action="command_result", result=word, **more)


def task(service, action, pid):
    return {"service_id": service, "serviceName": "echo_action", "instance": "Echo", "action": action,
            "state": "success", "pid": pid, "task": {}}


def failed():
    return {"seq": 2, "at": "2026-11-20T12:00:03.25Z", "transaction": "GOOD", "task": "ts001", "incarnation": 1, "pid": 4711,
            "from": "started", "to": "failed", "event": "exited", "cause": {"origin": "process", "parent": 1, "root": 1},
            "exit": {"exit_code": 0, "signal": "SIGKILL"}}


def answer(topic, header, configuration):
    transaction = header.get("service_transaction", "")
    if topic == "context" and transaction == "GOOD":
        control(dict(header, request_id="somebody-else"), "failed", "ts002", "one_shot")
        control(header, "started", "ts001", "echo_action", pid=4711)
        control(header, "started", "ts002", "one_shot", pid=4712)
        control(header, "stopped", "ts002", "one_shot", pid=4712)
        result(dict(header, request_id="somebody-else"), "failed", reason="not yours")
        result(header, "success")
    elif topic == "context" and transaction in ("END", "DIE"):
        if transaction == "END":
            result(header, "success")
            while sub.recv().startswith(b"context"):  # until it has been through the proxy
                pass
        os._exit(0)
    elif topic == "context" and transaction == "BAD":
        result(header, "failed", reason="ts002: no such program", tasks={"ts002": "no such program"})
    elif topic == "state" and header["action"] == "request" and transaction == "GOOD":
        publish("state", {"header": dict(header, action="reply_context", request_id="somebody-else"), "content": {}})
        publish("state", {"header": dict(header, action="reply_context"), "content": {
            "contextId": "context001", "contextLogName": "Trio", "contextName": "context",
            "tasks": [task("ts001", "started", 4711), task("ts002", "stopped", 4712)]}})
    elif topic == "state" and header["action"] == "request" and transaction == "OLD":
        header = dict(header, action="reply_context")
        del header["request_id"]
        publish("state", {"header": header, "content": {"tasks": [task("ts001", "started", 1)]}})
    elif topic == "state" and header["action"] == "request" and transaction == "EMPTY":
        publish("state", {"header": dict(header, action="reply_context"), "content": {}})
    elif topic == "state" and header["action"] == "why" and transaction in ("GOOD", ""):
        known = configuration["task"] == "ts001"
        publish("state", {"header": dict(header, action="reply_context"), "content": {"text": "not this one"}})
        publish("state", {"header": dict(header, action="reply_why"), "content": {
            "text": "failed 12:00:03 because it was killed by SIGKILL", "chain": [failed()] if known else None}})
    elif topic == "state" and header["action"] == "history" and transaction == "GOOD":
        publish("state", {"header": dict(header, action="reply_history"), "content": {"rows": [
            {"row": 1, "note": {"at": "2026-11-20T12:00:00Z", "event": "provider began"}},
            {"row": 18446744073709551, "change": failed()}]}})
    elif topic == "state" and header["action"] in ("why", "history") and transaction == "BAD":
        result(header, "failed", reason="the journal is not to be had")
    elif topic == "state" and header["action"] == "top" and transaction == "GOOD":
        publish("state", {"header": dict(header, action="reply_top"), "content": [
            {"instance": "Echo", "pid": 4711, "serviceName": "echo_action", "service_id": "ts001",
             "memory": {"status": "sleeping", "rss": 21.25, "vms": 80.5, "percent": 1.24, "children": [{}, {}]}}]})
    elif topic == "state" and header["action"] == "top" and transaction == "BAD":
        result(header, "failed", reason="top is not to be had")


def provide():
    try:
        while True:
            frame = sub.recv()
            say({"frame": frame.decode()})
            topic, _, payload = frame.decode().partition(" @@@ ")
            try:
                message = json.loads(payload)
                header, content = message.get("header", {}), message.get("content", {})
            except ValueError:
                continue
            asked = ("start", "stop", "restart", "exit", "request", "top", "why", "history")
            if "request_id" in header and header.get("action") in asked:
                answer(topic, header, content.get("configuration", {}))
    except zmq.ContextTerminated:
        sub.close(0)


threading.Thread(target=provide, daemon=True).start()
say({"backend": backend, "frontend": frontend})
mouth = context.socket(zmq.XPUB)  # as PUB, but tells of subscriptions
mouth.connect(backend)
mouth.recv()
for line in sys.stdin:
    mouth.send_string(json.loads(line))
