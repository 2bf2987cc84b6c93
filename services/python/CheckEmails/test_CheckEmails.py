"""Tests the task of CheckEmails; needs neither a bus nor pyzmq."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ServiceCheckEmails as service
from CheckEmails import CheckEmails


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


class CheckEmailsTest(unittest.TestCase):
    def test_takes_steps_until_it_is_stopped(self):
        task, session = CheckEmails(), FakeSession(waits=3)
        task.run(session)
        self.assertEqual(task.steps, 3)
        self.assertNotIn("failed", [action for action, _, _ in session.notices])

    def test_speaks_under_its_service_name(self):
        self.assertEqual(service.SERVICE_NAME, "open_inbox")


if __name__ == "__main__":
    unittest.main()
