// Command Walk is a task service: Walk along the street.
//
// It is started by its context, which tells it by the environment who it is
// and where the bus is.
package main

import "zmicroservices/taskservice"

func main() { taskservice.Main(serviceName, newTask) }
