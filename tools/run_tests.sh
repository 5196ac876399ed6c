#!/usr/bin/env bash
# The whole suite in two halves side by side: what drives other programs waits more than it works, so the rest runs beside it.
# What fails is told by each half; the last lines say how both ended.
set -uo pipefail
python=${1:?the python of the virtual environment}
limit=${2:?seconds}
log=$(mktemp)
trap 'rm -f "$log"; kill "${rest:-}" 2>/dev/null || true' EXIT

run() {
	timeout --kill-after=30 "$limit" "$python" -m pytest -q -o faulthandler_timeout=240 -o faulthandler_exit_on_timeout=true "$@"
}

run tests --ignore=tests/interop >"$log" 2>&1 &
rest=$!
run tests/interop -p no:cacheprovider
interop_status=$?
wait "$rest"
rest_status=$?
cat "$log"
echo "tests/interop: exit $interop_status; all others: exit $rest_status"
((interop_status == 0 && rest_status == 0))
