// Command create_service writes new task services: their source files and their
// entry in a Context file, from flags or from a MetaServiceConf file.
//
//	create_service --service_path=$PWD --task_service=EchoAction \
//	  --task_desc='shouts the time' --context_name=Echo \
//	  --service_name=echo_action --server_ip=127.0.0.1 \
//	  --sub_port=5556 --pub_port=5557 --task_id=ts_100
//	create_service --xml_file=conf/Services-StateMachine.xml
//	create_service build services
//
// A run goes through three stages, a file or two each: an order is read (flags,
// or meta), checked whole (order, and Problems of package templates), and only
// then carried out (carry, with place, source, module and gobuild). Nothing is
// written before everything that can be wrong has been looked at.
//
// It never changes a file that somebody may have edited: a file that is there
// and differs from what would be written is left alone and named; --force
// replaces it and keeps a numbered backup. Two files are shared with the user
// and merged instead: the Context file, and the go.mod of a module that the
// services are put into.
//
// # Why not download the SDK
//
// A service must build where this binary was installed and nothing else: the
// sources of package taskservice travel in the binary (package zmicroservices)
// and are written beside the services, with a replace in their go.mod.
package main
