#!/usr/bin/env bash
# The whole suite in two halves side by side: what drives other programs waits more than it works, so two of its tests go
# at once, and the rest runs behind them at a lower priority. What fails among the first is run again by itself, when
# nothing else takes the machine's time: a fault fails again, a moment without a processor does not. Both runs are told.
set -uo pipefail
python=${1:?the python of the virtual environment}
limit=${2:?seconds}
most_again=8
log=$(mktemp)
folder=$(mktemp -d /tmp/ss.XXXXXX) # short: the Unix sockets of switches are below it
trap 'rm -rf "$log" "$folder"; kill "${rest:-}" 2>/dev/null || true' EXIT

run() {
	exec timeout --kill-after=30 "$limit" "$python" -m pytest -q -o faulthandler_timeout=240 "$@"
}

(
	renice -n 10 "$BASHPID" >/dev/null
	run tests --ignore=tests/interop -p no:cacheprovider -p no:xdist
) >"$log" 2>&1 &
rest=$!
(run tests/interop -n 2 --dist worksteal --basetemp="$folder/a")
interop_status=$?
wait "$rest"
rest_status=$?
if ((interop_status == 1)); then
	failed=$("$python" -c "import json; print(len(json.load(open('.pytest_cache/v/cache/lastfailed'))))")
	if ((failed <= most_again)); then
		echo "again, by themselves: the $failed that failed"
		(run tests/interop --last-failed -p no:xdist --basetemp="$folder/b")
		interop_status=$?
	fi
fi
cat "$log"
echo "tests/interop: exit $interop_status; all others: exit $rest_status"
((interop_status == 0 && rest_status == 0))
