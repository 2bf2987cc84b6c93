"""DrinkCoffee: Take a cup of coffee."""
