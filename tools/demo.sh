#!/bin/sh
# make demo: the StateMachine of the tutorial, from its start to its end. It runs
# in a folder of its own, which goes away with everything that was started.
#
#	tools/demo.sh [CONTEXT.xml [SECONDS]]
set -eu

cd "$(dirname "$0")/.."
context=${1:-conf/Context-StateMachine.xml}
seconds=${2:-7}
provider=
watcher=
dir=$(mktemp -d "${TMPDIR:-/tmp}/zms-demo.XXXXXX")
log=$dir/provider.log

# The control socket is found below here, by the provider and by conf_command.
export ZMS_RUNTIME_DIR="$dir/run"

say() { printf '\n== %s\n' "$*"; }

# leave ends what still runs, by number, and keeps the exit code.
leave() {
	status=$?
	trap - EXIT INT TERM
	if [ -n "$watcher" ]; then kill "$watcher" 2>/dev/null || :; fi
	if [ -n "$provider" ]; then
		kill "$provider" 2>/dev/null || :
		wait "$provider" || :
	fi
	if [ "$status" -ne 0 ]; then
		echo "demo: failed with exit code $status; the provider's log:" >&2
		cat "$log" >&2 || :
	fi
	rm -rf "$dir"
	exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "a context: its bus, and nobody on it yet"
bin/service_context --state_dir "$dir/state" "$context" >"$dir/provider.out" 2>"$log" &
provider=$!

# It is there when it answers; exit code 3 is nobody to talk to.
tries=0
until bin/conf_command state "$context" >"$dir/state.out" 2>&1 || [ $? -ne 3 ]; do
	tries=$((tries + 1))
	if ! kill -0 "$provider" 2>/dev/null || [ "$tries" -gt 100 ]; then
		echo "demo: the provider does not answer" >&2
		exit 1
	fi
	sleep 0.1
done
echo "service_context $context (pid $provider)"

# watch follows the bus for some seconds, in the background; nothing is missed
# once it has said that it watches.
watch() {
	bin/conf_command watch --for "$1" "$context" 2>"$dir/watch.err" &
	watcher=$!
	until grep -q watching "$dir/watch.err"; do
		if ! kill -0 "$watcher" 2>/dev/null; then
			cat "$dir/watch.err" >&2
			exit 1
		fi
		sleep 0.1
	done
}

watched() {
	wait "$watcher"
	watcher=
}

say "conf_command start, and the bus for $seconds seconds"
watch "${seconds}s"
bin/conf_command start "$context" >"$dir/start.out"
watched
transaction=$(sed -n 's/^transaction \([^ ]*\).*/\1/p' "$dir/start.out")

say "conf_command start ts_101: Walk once more, in the same transaction"
bin/conf_command start --transaction "$transaction" "$context" ts_101

say "conf_command state"
bin/conf_command state "$context"

say "conf_command exit: stop in order"
watch 1s
bin/conf_command exit "$context"
watched
wait "$provider"
provider=

# Whatever we started has the name of our folder in its environment.
left=$(env -u ZMS_RUNTIME_DIR grep -lsF "$dir" /proc/[0-9]*/environ || :)
if [ -n "$left" ]; then
	echo "demo: left behind:" >&2
	for environ in $left; do
		process=${environ%/environ}
		echo "${process#/proc/} $(tr '\0' ' ' <"$process/cmdline")" >&2
	done
	exit 1
fi
say "nothing left behind"
