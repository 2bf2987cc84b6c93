// Command lifecycle is about life cycle events.
//
//	lifecycle view conf/Context-EchoAction.xml
//	11:32:17 [startup] c1.example.net: server version 0.6.0
//	11:32:18 [shutdown] c1.example.net: server
//
//	lifecycle tally conf/Context-EchoAction.xml --component server --port 8080
//	curl -s http://127.0.0.1:8080/metrics
//
// It exits with 0 when it is done or interrupted, 1 when it failed or was refused, 2
// for wrong flags or a wrong file, 3 when there is nobody to listen to. It never
// publishes; who does is taskservice/lifecycle's affair.
package main
