package provider

import (
	"path/filepath"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/keeper"
	"zmicroservices/context/logs"
)

// outputOf says where the output of a task service goes, to one file, whatever its
// incarnation; and how much of it stays. The budget is that of the context, in bytes.
func outputOf(r event.Ref, t *conf.Task, budget int64) keeper.Output {
	return keeper.Output{
		Log:     filepath.Join("logs", string(r.Transaction), string(r.Task)+".log"),
		MaxSize: t.Process.Log.MaxSize, MaxAge: t.Process.Log.MaxAge, Keep: t.Process.Log.Keep, Budget: budget,
	}
}

// pruner removes the output of transactions that are over and left memory long ago. What
// is in memory may be started again, and is asked about.
func (p *Provider) pruner() *logs.Pruner {
	return &logs.Pruner{
		StateDir: p.opts.StateDir, Keep: p.opts.LogTransactions, Logger: p.opts.Logger,
		Live: func(transaction string) bool { return p.group(event.TransactionID(transaction)) != nil },
	}
}

// compressor compresses the files that the keeper has cut, of tasks that have nothing
// against it. A task that our own file does not know has not said anything.
func (p *Provider) compressor() *logs.Compressor {
	return &logs.Compressor{
		StateDir: p.opts.StateDir, Logger: p.opts.Logger,
		Wanted: func(task string) bool {
			t := p.known[event.TaskID(task)]
			if base, _, ok := conf.SplitReplica(task); ok && t == nil {
				t = p.known[event.TaskID(base)]
			}
			return t == nil || t.Process.Log.Gzip
		},
	}
}
