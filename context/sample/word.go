package sample

import "time"

// Word is psutil's for a state letter of the kernel (proc_pid_stat(5)); gopsutil's are
// others, see Process.Status.
func Word(letter byte) string {
	switch letter {
	case 'R':
		return "running"
	case 'S':
		return "sleeping"
	case 'D':
		return "disk-sleep"
	case 'T':
		return "stopped"
	case 't':
		return "tracing-stop"
	case 'Z':
		return "zombie"
	case 'X', 'x':
		return "dead"
	case 'K':
		return "wake-kill"
	case 'W':
		return "waking"
	case 'I':
		return "idle"
	case 'P':
		return "parked"
	default:
		return "?"
	}
}

// Ticks is a time in clock ticks, as the kernel counts the starts of processes from its
// boot on.
func Ticks(n uint64) time.Duration { return time.Duration(n) * time.Second / userHZ }
