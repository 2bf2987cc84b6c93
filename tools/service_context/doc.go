// Service_context is the context provider: it loads a Context file, runs its
// forwarder device, and spawns and drives its task services until `exit`, SIGINT
// or SIGTERM.
//
//	service_context --start conf/Context-EchoAction.xml
//
// The same binary is executed again as the keeper, which holds the processes
// (argument `keeper`), and as a bundled task service (argument `task`). Those are
// not for users and are not in the help.
//
// Exit codes: 0 ended in order; 1 refused or failed, a port in use too; 2 usage,
// or a wrong or unreadable file.
package main
