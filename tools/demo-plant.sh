#!/bin/sh
# make demo, its second part: conf/Context-Plant.xml, where everybody is watched, counted
# and measured without having written a line for it, and who hangs is restarted.
#
#	tools/demo-plant.sh
set -eu

cd "$(dirname "$0")/.."
. tools/demo-stage.sh

# The pages are on ports of the kernel's choice: 8080 may be somebody's already.
sed -e "s|\.\./services|$PWD/services|" -e 's|<port>8080<|<port>0<|' -e 's|127\.0\.0\.1:8090|127.0.0.1:0|' \
	-e 's|127\.0\.0\.1:6558|127.0.0.1:0|' conf/Context-Plant.xml >"$dir/Context-Plant.xml"

say "a context with Watchdog, Tally, Monitor and Scheduler beside two services"
begin "$dir/Context-Plant.xml" --start --ping_interval 2s --alive_interval 3s
echo "service_context $context (pid $provider)"

# of gives a number that the watchdog tells of one.
of() { bin/conf_command services "$context" "$1" -o json | sed -n "s/^ *\"$2\": \([0-9]*\).*/\1/p"; }

# awaited waits for a condition; a machine may be slow.
awaited() {
	what=$1
	shift
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		if [ "$tries" -gt 600 ]; then
			echo "demo: waited in vain: $what" >&2
			exit 1
		fi
		sleep 0.1
	done
}
all_active() { [ "$(bin/conf_command services "$context" 2>/dev/null | grep -c '^active ')" -eq 6 ]; }

say "conf_command services: whom the watchdog observes"
awaited "six that are active" all_active
bin/conf_command services "$context"

say "conf_command state"
bin/conf_command state "$context"

say "lifecycle view: who says that it lives"
bin/lifecycle view --for 4s "$context"

say "the tally's page: who runs which version"
url=$(bin/conf_command logs "$context" tally | sed -n 's/.*url=\(http[^ ]*\).*/\1/p' | tail -1)
if command -v curl >/dev/null; then
	page=$(curl -sS "$url")
elif command -v wget >/dev/null; then
	page=$(wget -qO- "$url")
else
	page="$url (neither curl nor wget is here)"
fi
echo "$page" | grep '_versions{' || echo "$page"

say "kill -STOP: echo_action hangs; the watchdog notices, and its rule restarts it"
before=$(of echo_action onboardings)
hangs=$(of echo_action pid)
kill -STOP "$hangs"
onboarded_again() { [ "$(of echo_action onboardings)" -gt "$before" ] && [ "$(of echo_action pid)" != "$hangs" ]; }
awaited "echo_action's restart" onboarded_again
bin/conf_command services "$context" echo_action
bin/conf_command why "$context" pump

say "conf_command exit: stop in order"
bin/conf_command exit "$context"
ended
