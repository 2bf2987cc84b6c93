// Command EchoAction is a task service: An echo action is for shouting the
// time after counting 10s.
//
// It is started by its context, which tells it by the environment who it is
// and where the bus is.
package main

import "zmicroservices/taskservice"

func main() { taskservice.Main(serviceName, newTask) }
