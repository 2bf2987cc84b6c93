#!/usr/bin/python3
"""Runs the task service WakeUp: Wakes up every morning.

It is started by its context, which tells it by the environment who it is and
where the bus is.
"""

import sys

from WakeUp import WakeUp
from ServiceWakeUp import ServiceWakeUp

if __name__ == "__main__":
    sys.exit(ServiceWakeUp(WakeUp).run())
