"""The task of CheckEmails: Check emails from your mobile."""


class CheckEmails:
    """Check emails from your mobile."""

    every = 1.0  # seconds between two steps

    def __init__(self, **configuration):
        """Takes what the Context file says in <configuration>.

        An exception here is published as a failed start.
        """
        self.configuration = configuration
        self.steps = 0

    def run(self, session):
        """Takes one step after the other until the service is asked to stop."""
        while not session.stopping():
            self.step(session)
            session.wait(self.every)

    def step(self, session):
        """Is one round of the work.

        It must return soon after session.stopping() has become true. An
        exception ends the task and is published as failed, with its text as
        the reason. session.notify("updated", "success", {...}) publishes
        progress or a result.
        """
        self.steps += 1
        print("look %d: no new mail" % self.steps)
