#!/usr/bin/python3
"""Runs the task service DrinkCoffee: Take a cup of coffee.

It is started by its context, which tells it by the environment who it is and
where the bus is.
"""

import sys

from DrinkCoffee import DrinkCoffee
from ServiceDrinkCoffee import ServiceDrinkCoffee

if __name__ == "__main__":
    sys.exit(ServiceDrinkCoffee(DrinkCoffee).run())
