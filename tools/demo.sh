#!/bin/sh
# make demo, its first part: the StateMachine of the tutorial, from its start to its end.
# It runs in a folder of its own, which goes away with everything that was started.
#
#	tools/demo.sh [CONTEXT.xml [SECONDS]]
set -eu

cd "$(dirname "$0")/.."
. tools/demo-stage.sh
seconds=${2:-7}

say "a context: its bus, and nobody on it yet"
begin "${1:-conf/Context-StateMachine.xml}"
echo "service_context $context (pid $provider)"

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
ended
