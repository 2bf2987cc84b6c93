# What the demos share: a folder that goes away with everything that was started in
# it. It is read by them (.), after set -eu, and is no program.

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

# begin CONTEXT.xml [FLAG…] starts a provider, and waits until it answers; exit code 3
# is nobody to talk to.
begin() {
	context=$1
	shift
	bin/service_context --state_dir "$dir/state" "$@" "$context" >"$dir/provider.out" 2>"$log" &
	provider=$!
	tries=0
	until bin/conf_command state "$context" >"$dir/state.out" 2>&1 || [ $? -ne 3 ]; do
		tries=$((tries + 1))
		if ! kill -0 "$provider" 2>/dev/null || [ "$tries" -gt 100 ]; then
			echo "demo: the provider does not answer" >&2
			exit 1
		fi
		sleep 0.1
	done
}

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

# ended waits for the provider, and wants that nothing is left of it. Whatever it
# started has the name of our folder in its environment.
ended() {
	wait "$provider"
	provider=
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
}
