"""The task of WakeUp: Wakes up every morning."""


class WakeUp:
    """Wakes up every morning."""

    def __init__(self, **configuration):
        """Takes what the Context file says in <configuration>.

        An exception here is published as a failed start.
        """
        self.configuration = configuration
        self.done = False

    def run(self, session):
        """Does the work, once.

        It must return soon after session.stopping() has become true. An
        exception is published as failed, with its text as the reason.
        """
        print("good morning")
        self.done = True
