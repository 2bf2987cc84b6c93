package journal

import (
	"fmt"
	"strings"
	"time"

	"zmicroservices/context/event"
)

// Explain puts a chain of Why into a sentence for people:
//
//	restarted 14:02:11 because rule on_fail of frames called it; frames failed because it was killed by SIGKILL
//
// Times are in the zone that the changes have. It is pure.
func Explain(links []Link) string { return explain(links, time.TimeOnly) }

// ExplainAt is Explain for a reader at the time now: with the day, if it was
// another.
func ExplainAt(links []Link, now time.Time) string {
	if len(links) > 0 {
		y, m, d := links[0].At.Date()
		if ny, nm, nd := now.In(links[0].At.Location()).Date(); y != ny || m != nm || d != nd {
			return explain(links, time.DateTime)
		}
	}
	return Explain(links)
}

// maxReasons is how many causes a sentence can bear.
const maxReasons = 5

func explain(links []Link, layout string) string {
	if len(links) == 0 {
		return "nothing is known"
	}
	told := links[0]
	reasons := []string{because(fmt.Sprintf(headlines[told.To], again(told), told.At.Format(layout)), told)}
	for _, l := range links[1:] {
		if intrinsic(told) {
			break // its parent is its start, which is no reason for its end
		}
		if l.Task == told.Task && sameCause(l.Cause, told.Cause) {
			told.Cause.Parent = l.Cause.Parent // a later part of the same story
			continue
		}
		if len(reasons) == maxReasons {
			reasons = append(reasons, "and so on")
			break
		}
		told = l
		reasons = append(reasons, because(fmt.Sprintf("%s %s", name(l), deeds[l.To]), l))
	}
	if !intrinsic(told) && told.Cause.Parent != 0 && reasons[len(reasons)-1] != "and so on" {
		reasons = append(reasons, "what led to that is no longer kept")
	}
	return strings.Join(reasons, "; ")
}

// headlines tell the latest change of state; again() fills in the prefix.
var headlines = [event.NumStates]string{
	event.Defined: "%sdefined %s", event.Starting: "%sstarting since %s", event.Created: "%screated %s", event.Started: "%sstarted %s",
	event.Stopping: "%sstopping since %s", event.Stopped: "%sstopped %s", event.Failed: "%sfailed %s",
}

// deeds tell what another task service did.
var deeds = [event.NumStates]string{
	event.Defined: "was defined", event.Starting: "was started", event.Created: "was created", event.Started: "started",
	event.Stopping: "began to stop", event.Stopped: "stopped", event.Failed: "failed",
}

// again makes restarted of started where it has run before. One that has
// recovered from a failure is still the process that it was.
func again(l Link) string {
	if l.Incarnation > 1 && (l.To == event.Starting || l.To == event.Started && l.From != event.Failed) {
		return "re"
	}
	return ""
}

func name(l Link) string {
	if l.Task == "" {
		return "the context"
	}
	return string(l.Task)
}

func sameCause(a, b event.Cause) bool { return a.Origin == b.Origin && a.By == b.By }

// intrinsic says that the cause lies in the task service itself or in what was
// waited for: there is nothing behind it but its start.
func intrinsic(l Link) bool {
	switch l.Cause.Origin {
	case event.ByProcess, event.ByDeadline, event.ByProvider, event.ByProbe, event.ByFlow, event.ByLimit:
		return true
	}
	return false
}

// because adds the cause of a change, and its last exit if the cause does not
// say it.
func because(what string, l Link) string {
	why := reason(l)
	if l.Exit != nil && l.To == event.Failed && !strings.Contains(why, "exit") && !strings.Contains(why, "killed") {
		why += "; last exit " + exit(*l.Exit)
	}
	return what + " because " + why
}

// reason says a cause as a clause about "it".
func reason(l Link) string {
	by := l.Cause.By
	switch l.Cause.Origin {
	case event.ByTransition:
		return fmt.Sprintf("rule %s called it", by)
	case event.ByOperator:
		return "an operator asked for it" + inBrackets(by)
	case event.ByShutdown:
		return "the provider was ending" + inBrackets(by)
	case event.ByProcess:
		return ownDoing(l)
	case event.ByDeadline:
		if l.Reason == "" {
			return "a time was over: " + by
		}
		return clause(l.Reason)
	case event.ByProvider:
		if l.Reason == "" {
			return "its process could not be made"
		}
		return "its process could not be made: " + l.Reason
	case event.ByPolicy:
		// "restart on-failure of ts001, 1 of 5 within 10s"
		by = strings.Replace(strings.TrimPrefix(by, "restart "), " of "+string(l.Task)+",", ",", 1)
		return "its restart policy called for it" + inBrackets(by)
	case event.ByProbe:
		if strings.HasPrefix(l.Reason, "its ") {
			return l.Reason
		}
		if !strings.Contains(by, "probe") {
			by = strings.TrimSpace(by + " probe")
		}
		return strings.TrimSpace("its " + by + " " + orElse(l.Reason, "failed"))
	case event.ByFlow:
		return orElse(l.Reason, "it did not publish what was expected of it")
	case event.ByDependency:
		if l.To == event.Failed {
			return clause(orElse(l.Reason, "it depends on "+orElse(by, "another")))
		}
		return orElse(by, "another") + " depends on it"
	case event.BySchedule:
		return "it was due by its schedule" + inBrackets(by)
	case event.ByLimit: // "rss 412 MB > 400 MB for 30s"
		return orElse(by, "it went beyond its limit")
	case "":
		return "of a cause that was not recorded"
	default:
		return fmt.Sprintf("of %s", l.Cause)
	}
}

// ownDoing says what a process did.
func ownDoing(l Link) string {
	switch {
	case l.Reason != "":
		return clause(l.Reason)
	case l.Exit != nil && l.Exit.Signal != "":
		return "it was killed by " + exit(*l.Exit)
	case l.Exit != nil:
		return "it exited with code " + exit(*l.Exit)
	case l.To == event.Stopped, l.To == event.Stopping:
		return "it ended by itself"
	default:
		return "it said so"
	}
}

// clause makes a clause about "it" of a reason as the group words it.
func clause(reason string) string {
	switch {
	case strings.HasPrefix(reason, "it "), strings.HasPrefix(reason, "processes "):
		return reason
	case strings.HasPrefix(reason, "killed "):
		return "it was " + reason
	case strings.HasPrefix(reason, "exited "):
		return "it " + reason
	default:
		return "it said: " + reason
	}
}

func exit(e event.Exit) string {
	switch {
	case e.Signal != "" && e.Core:
		return e.Signal + ", core dumped"
	case e.Signal != "":
		return e.Signal
	default:
		return fmt.Sprint(e.Code)
	}
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
