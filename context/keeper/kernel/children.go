package kernel

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// OpenChildren opens the list of the children of a process's main thread
// (proc_pid_task_children(5)); -1 where the kernel was built without that file.
func OpenChildren(pid int) int {
	task := strconv.Itoa(pid)
	fd, err := syscall.Open("/proc/"+task+"/task/"+task+"/children", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// ChildrenOf lists the children of all threads of a process.
func ChildrenOf(pid int) []int {
	var pids []int
	tasks, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	for _, task := range tasks {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + task.Name() + "/children")
		pids = append(pids, ParsePIDs(string(text))...)
	}
	return pids
}

// ChildrenByStat asks every process who its parent is.
func ChildrenByStat(parent int) []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if st, ok := ReadStat(pid); ok && st.Parent == parent {
			pids = append(pids, pid)
		}
	}
	return pids
}

// ParsePIDs reads numbers that stand between spaces, as such lists have them.
func ParsePIDs(text string) []int {
	var pids []int
	for field := range strings.FieldsSeq(text) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}
