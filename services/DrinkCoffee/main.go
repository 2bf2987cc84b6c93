// Command DrinkCoffee is a task service: Stop and take a coffee.
//
// It is started by its context, which tells it by the environment who it is
// and where the bus is.
package main

import "zmicroservices/taskservice"

func main() { taskservice.Main(serviceName, newTask) }
