package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"zmicroservices/context/event"
)

// picture makes metrics of event.Figures whenever somebody asks.
type picture struct {
	figures func(context.Context) *event.Figures
	labels  *labels
}

// The metrics of a picture. Those of task services have the labels task and
// task_instance.
var (
	ofTask = []string{"task", "task_instance"}
	ofSelf = []string{"process"}

	tasks     = desc("zms_tasks", "Task services of all transactions, by state.", "state")
	taskState = desc("zms_task_state", "In how many transactions the task service is in the state; a state that none is in is missing.", "task", "task_instance", "state")
	taskReady = desc("zms_task_ready", "In how many transactions it is started and its readiness probes agree.", ofTask...)
	taskUp    = desc("zms_task_up", "In how many transactions something of it runs.", ofTask...)
	taskLines = desc("zms_task_output_dropped_lines", "Lines of its output that are in no file.", ofTask...)
	taskRSS   = desc("zms_task_resident_memory_bytes", "Resident memory of its processes and their descendants; what they share counts for each.", ofTask...)
	taskVMS   = desc("zms_task_virtual_memory_bytes", "Virtual memory of the same.", ofTask...)
	taskCPU   = desc("zms_task_cpu_ratio", "Cores that the same used between the last two samples; 1 is one core.", ofTask...)
	taskFDs   = desc("zms_task_open_fds", "Descriptors of the same.", ofTask...)
	taskThr   = desc("zms_task_threads", "Threads of the same.", ofTask...)
	taskKids  = desc("zms_task_processes", "The number of the same.", ofTask...)
	taskConns = desc("zms_task_connections", "Sockets of the same, by status.", "task", "task_instance", "status")
	taskAge   = desc("zms_task_sample_timestamp_seconds", "When the oldest of these was sampled.", ofTask...)

	selfRSS  = desc("zms_self_resident_memory_bytes", "Resident memory of the provider and its keeper.", ofSelf...)
	selfCPU  = desc("zms_self_cpu_seconds_total", "CPU time of the provider and its keeper, user and system.", ofSelf...)
	selfFDs  = desc("zms_self_open_fds", "Descriptors of the provider and its keeper.", ofSelf...)
	selfThr  = desc("zms_self_threads", "Threads of the provider and its keeper.", ofSelf...)
	selfGo   = desc("zms_self_goroutines", "Goroutines of the provider and its keeper.", ofSelf...)
	selfTime = desc("zms_start_timestamp_seconds", "When the provider began.")

	busConns    = desc("zms_bus_connections", "Open connections of the bus, by side; shaking: in their handshake.", "side")
	busPrefixes = desc("zms_bus_subscriptions", "Subscriptions of all subscribers.")
	busAccepted = desc("zms_bus_accepted_total", "Connections that were accepted.")
	busRefused  = desc("zms_bus_refused_total", "Peers whose handshake failed.")
	busShed     = desc("zms_bus_shed_total", "Connections that were closed at a limit.")
	busMessages = desc("zms_bus_messages_total", "Messages: in from publishers, out to subscribers, dropped since a subscriber's queue was full.", "direction")
	busBytes    = desc("zms_bus_bytes_total", "Bytes on the wire of the same.", "direction")
	busDenied   = desc("zms_bus_denied_messages_total", "Messages that a rule refused.")
	busMemory   = desc("zms_bus_memory_bytes", "Memory in queues and buffers.")
	busQueued   = desc("zms_bus_queued_messages", "Messages that wait for subscribers.")
	busWaiting  = desc("zms_bus_queued_bytes", "Bytes that wait for subscribers.")
	busLongest  = desc("zms_bus_longest_queue_messages", "Messages that wait for the slowest subscriber.")

	journalRows    = desc("zms_journal_rows_total", "Rows that were written, lost since the disk was ill for too long, or refused since they were wrong.", "result")
	journalCommits = desc("zms_journal_commits_total", "Transactions of the database.")
	journalLag     = desc("zms_journal_waiting_rows", "Rows on their way to the disk.")
	journalFailing = desc("zms_journal_failing", "1 while the journal cannot be written, or its disk does not answer.")

	queues   = desc("zms_queue_length", "What waits: notices of services, events of the keeper that are not in the journal.", "queue")
	slots    = desc("zms_keeper_slots", "Processes that the keeper holds, with those that ended and are not recorded yet.")
	lines    = desc("zms_output_dropped_lines_total", "Lines of output that are in no file, of all task services since the keeper began.")
	logBytes = desc("zms_log_bytes", "Bytes of all log files, cut and compressed ones too.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector: whatever comes is checked when it comes.
func (p *picture) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (p *picture) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	f := p.figures(ctx)
	out := sink(ch)
	p.services(out, f)
	for _, s := range f.Self {
		out.gauge(selfRSS, float64(s.RSS), s.Process)
		out.counter(selfCPU, s.CPUSeconds, s.Process)
		out.gauge(selfFDs, float64(s.FDs), s.Process)
		out.gauge(selfThr, float64(s.Threads), s.Process)
		out.gauge(selfGo, float64(s.Goroutines), s.Process)
	}
	out.gauge(selfTime, float64(f.Began.UnixMilli())/1000)
	bus(out, f.Bus)
	journal(out, f.Journal)
	out.gauge(queues, float64(f.Queues.Notices), "notices")
	out.gauge(queues, float64(f.Queues.Events), "keeper_events")
	out.gauge(slots, float64(f.Queues.Slots))
	out.counter(lines, float64(f.Output.Dropped))
	out.gauge(logBytes, float64(f.Output.Bytes))
}

func bus(out sink, b event.BusFigures) {
	out.gauge(busConns, float64(b.Publishers), "publisher")
	out.gauge(busConns, float64(b.Subscribers), "subscriber")
	out.gauge(busConns, float64(b.Shaking), "shaking")
	out.gauge(busPrefixes, float64(b.Prefixes))
	out.counter(busAccepted, float64(b.Accepted))
	out.counter(busRefused, float64(b.Refused))
	out.counter(busShed, float64(b.Shed))
	for direction, t := range map[string]event.Traffic{"in": b.In, "out": b.Out, "dropped": b.Dropped} {
		out.counter(busMessages, float64(t.Messages), direction)
		out.counter(busBytes, float64(t.Bytes), direction)
	}
	out.counter(busDenied, float64(b.Denied))
	out.gauge(busMemory, float64(b.Memory))
	out.gauge(busQueued, float64(b.QueuedMessages))
	out.gauge(busWaiting, float64(b.QueuedBytes))
	out.gauge(busLongest, float64(b.LongestQueue))
}

func journal(out sink, j event.JournalFigures) {
	out.counter(journalRows, float64(j.Written), "written")
	out.counter(journalRows, float64(j.Lost), "lost")
	out.counter(journalRows, float64(j.Refused), "refused")
	out.counter(journalCommits, float64(j.Commits))
	out.gauge(journalLag, float64(j.Waiting))
	failing := 0.0
	if j.Failing != "" || j.Stalled {
		failing = 1
	}
	out.gauge(journalFailing, failing)
}

// sink is where metrics go.
type sink chan<- prometheus.Metric

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (s sink) counter(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
