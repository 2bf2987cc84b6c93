"""A task service as somebody writes one who knows the wire and nothing of us.

    service.py FRONTEND BACKEND SERVICE_NAME

It takes the task id and the transaction of the first `process start` that has
its service name, as the services of the original do, counts aloud, and obeys
stop. With device_action "trip" it says failed at once.
"""

import json
import os
import sys
import time

import zmq


def publish(pub, identity, action, result, **items):
    status = {"device_action": identity["device_action"], "result": result}
    status.update(items)
    body = {
        "header": {
            "action": action,
            "service_id": identity["service_id"],
            "service_name": identity["service_name"],
            "service_transaction": identity["transaction"],
        },
        "content": {"status": status},
    }
    pub.send_string("control @@@ " + json.dumps(body, sort_keys=True, indent=4, separators=(",", ": ")))


def addressed(header, identity, name):
    if header.get("service_name") not in (name, "all"):
        return False
    transaction = header.get("transaction") or header.get("service_transaction")
    return identity is None or (
        transaction == identity["transaction"] and header.get("service_id") == identity["service_id"]
    )


def main(frontend, backend, name):
    context = zmq.Context()
    pub = context.socket(zmq.PUB)
    pub.connect(backend)
    sub = context.socket(zmq.SUB)
    sub.connect(frontend)
    sub.setsockopt_string(zmq.SUBSCRIBE, "process")
    identity = None
    while True:
        topic, _, payload = sub.recv().decode().partition("@@@")
        if topic.strip() != "process":
            continue
        task = json.loads(payload)["Task"]
        header = task["message"]["header"]
        if not addressed(header, identity, name):
            continue
        if header["action"] == "start" and identity is None:
            configuration = task["message"]["content"]["configuration"] or {}  # an empty element is ""
            identity = {
                "service_id": header["service_id"],
                "service_name": name,
                "transaction": header["transaction"],
                "device_action": configuration.get("device_action", ""),
            }
            time.sleep(0.3)  # as conf_command of the original: the PUB has to be joined
            publish(pub, identity, "started", "success", pid=os.getpid())
            publish(pub, identity, "updated", "success", count=1, configuration=configuration)
            if identity["device_action"] == "trip":
                publish(pub, identity, "failed", "failure", reason="tripped")
        elif header["action"] == "stop" and identity is not None:
            publish(pub, identity, "stopped", "success", pid=os.getpid())
            pub.close(linger=1000)
            sub.close(linger=0)
            context.term()
            return


if __name__ == "__main__":
    main(*sys.argv[1:4])
