#!/usr/bin/python3
"""Runs the task service CheckEmails: Check emails from your mobile.

It is started by its context, which tells it by the environment who it is and
where the bus is.
"""

import sys

from CheckEmails import CheckEmails
from ServiceCheckEmails import ServiceCheckEmails

if __name__ == "__main__":
    sys.exit(ServiceCheckEmails(CheckEmails).run())
