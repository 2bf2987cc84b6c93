// Package keeper is the holder of processes: a program of its own (our binary,
// executed once more) that is the parent and subreaper of every task service, and
// the client by which a provider asks it for processes and hears of their ends.
//
// The keeper spawns, signals, reaps, and captures output. It decides nothing: no
// restart, no rule, no order but the ranks of the stop recipes, which let it end
// everything in order when it is left alone. It never speaks to a bus, parses XML
// or opens a database, and it keeps nothing on disk but the output of services and,
// when it ends alone, the exits that nobody heard of.
// Because it is so little, it may live on while the provider crashes, hangs or is
// replaced: what it holds goes on.
//
//	func main() {
//		if len(os.Args) > 1 && os.Args[1] == keeper.Arg {
//			os.Exit(keeper.Main(os.Args[2:]))
//		}
//		c, met, err := keeper.Attach(ctx, keeper.Options{RuntimeDir: "/run/demo", Linger: time.Minute})
//		…
//		err = c.Spawn(keeper.Spec{ID: id, Path: "/bin/sleep", Argv: []string{"sleep", "1"}})
//		for ev := range c.Events() { // Spawned, Exited, Gone
//			…
//			err = c.Ack(ev.Seq)
//		}
//	}
//
// What is not holding has rooms of its own: kernel has the questions to Linux, cgroup the
// groups of control, logfile what becomes of output on its way to the disk. They know
// no slots. What is left here is one state with one owner: a slot's life, who its
// processes are, how it ends, who listens, and how all of that goes over to another
// program; a wall through it would be crossed by every event.
//
// # Alone
//
// A keeper outlives its provider by the linger time. Nothing is restarted then,
// exits are kept, output is captured. The next provider calls Attach: a higher epoch takes
// over, what was not acknowledged comes again, List shows what lives. The one before
// is fenced off; if it was only stopped, its Client's Err is ErrFenced when it goes on. A
// provider that leaves three pings unanswered counts as gone. After the linger time
// everything is stopped by rank and recipe, and what nobody acknowledged is left in a
// file to the keeper that comes next. A keeper that holds nothing ends with its
// provider.
//
// Listening sockets outlive a provider too: Store gives the keeper a copy, Fetch gets
// one back. Meanwhile clients wait in the backlog, and nobody else gets the port.
//
// # Two ways to stand
//
// Detached: the provider starts the keeper, which makes a session of its own. Outermost
// (Main with --init): the keeper starts first, as PID 1 of a container or main process
// of a unit, and the provider is its ward: started again when it dies or hangs, given
// SIGTERM and SIGINT, and its end in order is the keeper's. Ready and what becomes of it
// are passed on to a service manager (sd_notify), which hears from the loop that it is
// alive. The rest is the same code.
//
// # After a keeper's death
//
// Services go on when their keeper is killed: their pipes are open at both ends by
// themselves. Adopt lets the next keeper hold them: found by identity and by the cookie
// of our own home (HomeName), read on through /proc/PID/fd, watched and signalled by
// pidfds. They are not its children: nobody holds a dead leader's number for it, so
// every signal goes by a pidfd whose process was checked, never to a group; what a
// daemon left is found by looking through /proc. What is lost is said: Event.Lost.
//
// # Upgrade
//
// Client.Upgrade has the keeper execute another program in its own place (handover.go):
// pid, children, zombies and subreaper stay, and what it knows goes along in a file
// without a name (estate.go), with all descriptors and the provider's connection. Before,
// the program reads a copy in a process of its own; it refuses a newer format. Until
// execve(2) nothing has changed, and afterwards there is no way back: parenthood cannot
// be handed to a third. If the new keeper dies early, its provider starts one from the
// old program, which adopts, with what Adopt loses.
//
// A provider does the same to itself. It asks for a Guard before (guard.go): should it
// die early, or not be ready in time, the keeper starts the program that it was.
//
// # Slots
//
// One ID is one process asked for once. Its events come in this order: Spawned,
// Exited (the leader is dead), Gone (its tree is gone and its last line is in the
// file); or SpawnFailed alone. Events stay with the keeper until Ack.
//
// A slot is over when its leader is: what the leader leaves behind gets the stop
// recipe. Its tree is its process group, and beyond that every orphan whose group
// or whose cookie (CookieName in its environment) is the slot's. Killing is
// SIGKILL to the group and to these orphans, and again while that brings up new
// ones, for ten seconds; what survives is named in Gone. A process that leaves the
// group and cleans its environment belongs to nobody until the keeper ends, which
// ends it too.
//
// # Attributes
//
// A Spec may ask for a user, limits, a priority, CPUs and a umask. They have to be there
// before the program's first instruction, and most belong to a thread or a process
// that the keeper would have to spoil for it. So the keeper executes itself once more
// (a passage), which takes them upon itself, in an order that needs no privilege
// that is gone already, and then executes the program in its own place. Whoever asks
// for none is forked and executed as ever.
//
// # Output
//
// A line is stamped when it is read and waits, bounded, for a goroutine that writes the
// files; the loop and the services never wait for a disk. Each file gets its turn, and
// each has some room of its own however much the others have waiting. What finds none, or a disk that is
// full, is dropped: counted for each stream, said in the file where it is missing, told to
// the provider (Options.Dropped).
//
// A file is cut when it is full or old (Output), and made anew within a second when somebody else
// has renamed or removed it (logrotate(8), with or without copytruncate). All of a
// context's together have a budget: the oldest cut files go first, over all transactions,
// then the files of what does not run; a file in use is cut at its share. A line
// is never in two files.
//
// # Taps
//
// Client.Tap listens to the lines of a slot while the keeper reads them: for log probes
// and for following a log, on a full disk too. A tap belongs to its connection, holds
// up nobody, and counts what it was too slow for.
//
// # Cgroups
//
// A Spec that asks for one has its process born in a cgroup of its own, version 2, below
// the keeper's. Then nothing that the service does hides a process of it: who is in the
// group is the slot's, cgroup.kill ends all of it in one stroke, and the slot is
// Gone when it is empty. Limits of memory, processor and processes are set where their
// controllers are to be had, and refused elsewhere. Stats says where the groups are, or why
// there are none.
//
// Why not one for every slot? Making, entering and removing it costs 0.4 ms where a
// bare fork and exec takes 0.5, and a thousand services are to be up in a third of a second.
//
// # Hooks
//
// A Spec brings the hooks of its slot along, so that a keeper alone runs them too: one
// that fails before the start is a SpawnFailed, those of a stop come before its signal,
// and Gone is told when the last of post_stop is over, so that nothing of the
// service begins again meanwhile. They are slots of their own. Of a
// slot that was adopted they are those that the Claim brings.
//
// # Notices
//
// A slot with Spec.Notify has a socket of its own for what its processes tell of
// themselves (sd_notify(3)). The kernel says who sends; strangers are not heard. What a slot has
// told is a Noticed, and there is never a second one before the first is acknowledged:
// a service that talks all day costs a keeper that is alone one event. WATCHDOG=1 is
// no event: the keeper keeps the time of the last one and judges, as Client.Watchdog
// asks it to, and only a change of that verdict is told.
//
// # Numbers that stay ours
//
// A dead leader is not reaped while its tree lives, so that its number, which is
// the group's, cannot go to a stranger between our look and our signal. Leaders
// are signalled by pidfd; orphans are our own unreaped children.
//
// # Why not …
//
// Why not wait4(-1)? It returns the first dead child again and again: with one dead
// leader held back, nobody else could be seen. Leaders tell by pidfd. Orphans
// are listed: the kernel hands them to the main thread, and leaders hang on the
// spawning threads, so /proc/PID/task/PID/children is the orphans alone.
//
// Why not fork where the loop is? A fork copies the table of descriptors and an exec
// walks it; the spawning threads have a small one of their own (a thousand spawns: 0.25
// s for 0.6), and a slow execve does not delay the news of an exit.
//
// Why not freeze the tree (SIGSTOP) before killing it? SIGKILL keeps a process from
// forking as surely. Freezing pays where members come from a listing that
// may be old; a group is killed in one stroke, and a parent's death brings us its
// children.
//
// Why not FIFOs in the runtime directory for output? Two cost 0.13 ms a service on
// a disk (pipes 0.02), and leave files behind. What a FIFO is wanted for, a pipe can do:
// the child's end is opened for reading too, by way of /proc, so that the next line
// does not end it with SIGPIPE when the keeper has died; and a later keeper opens it
// again as /proc/PID/fd/1.
//
// Why not Pdeathsig? It follows the thread that spawned, not the process.
//
// Linux 5.4 or newer is needed (pidfds).
package keeper
