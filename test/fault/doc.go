// Package fault breaks one thing at a time, with real processes and the built product,
// and looks at what the promise is: each test is a row of the fault table in the README,
// and its name says which.
//
// It starts nothing that is not bounded in number, time and place: what forks without end
// does so as a user of its own under RLIMIT_NPROC. What needs root, or pyzmq, says so when
// it is skipped.
//
// What happens when the provider or the keeper dies is judged in test/crash; a stalled disk,
// a process that SIGKILL does not end and a pid that comes back in context/keeper, where
// they can be made; clients that misbehave in test/abuse.
package fault
