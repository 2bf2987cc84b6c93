"""Tests the task of WakeUp; needs neither a bus nor pyzmq."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ServiceWakeUp as service
from WakeUp import WakeUp


class FakeSession:
    """Stands in for the session: remembers notices, stops after some waits."""

    def __init__(self, waits=3):
        self.waits = waits
        self.notices = []

    def notify(self, action, result="success", items=None):
        self.notices.append((action, result, items or {}))

    def ready(self):
        pass

    def alive(self):
        pass

    def status(self, line):
        pass

    def stopping(self):
        return self.waits <= 0

    def wait(self, seconds):
        self.waits -= 1
        return self.stopping()

    def receive(self, seconds=None):
        return None


class WakeUpTest(unittest.TestCase):
    def test_does_its_work(self):
        task, session = WakeUp(), FakeSession()
        task.run(session)
        self.assertTrue(task.done)
        self.assertNotIn("failed", [action for action, _, _ in session.notices])

    def test_speaks_under_its_service_name(self):
        self.assertEqual(service.SERVICE_NAME, "morning_glory")


if __name__ == "__main__":
    unittest.main()
