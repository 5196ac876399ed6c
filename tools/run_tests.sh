#!/usr/bin/env bash
# The whole suite in two halves at once: what drives other programs goes before the rest, most of which lives on virtual time
# and takes what is left. What failed is run again, alone: a fault fails again, a moment without a processor does not. All
# runs are told.
set -uo pipefail
python=${1:?the python of the virtual environment}
limit=${2:?seconds}
most_again=15
folder=$(mktemp -d /tmp/ss.XXXXXX) # short: the Unix sockets of switches are below it
trap 'rm -rf "$folder"' EXIT
trap stop INT TERM

stop() {
	# shellcheck disable=SC2046 # one word each
	kill $(jobs -p) 2>/dev/null
	wait
	cat "$folder/rooms.txt"
	exit 143
}

# run NAME PYTEST-ARGUMENTS…, in the place of a shell of its own: `timeout` passes on what that is told.
run() {
	local name=$1
	shift
	exec timeout --kill-after=30 "$limit" "$python" -m pytest -q -o faulthandler_timeout=240 \
		-o cache_dir="$folder/cache-$name" "$@"
}

# first NAME PATHS…: two tests at once.
first() {
	local name=$1
	shift
	run "$name" "$@" -n 2 --dist worksteal --basetemp="$folder/$name"
}

# again NAME STATUS PATHS…: the exit code of the last run of it.
again() {
	local name=$1 status=$2 failed
	shift 2
	if ((status == 1)); then
		failed=$("$python" -c "import json, sys; print(len(json.load(open(sys.argv[1]))))" \
			"$folder/cache-$name/v/cache/lastfailed")
		if ((failed <= most_again)); then
			echo "again, alone: the $failed of $name that failed"
			(run "$name" "$@" --last-failed -p no:xdist --basetemp="$folder/$name-again") &
			wait $!
			status=$?
		fi
	fi
	return "$status"
}

(renice -n 10 -p "$BASHPID" && first rooms tests --ignore=tests/interop) >"$folder/rooms.txt" 2>&1 &
rooms=$!
(first interop tests/interop) &
wait $!
interop=$?
wait "$rooms"
rooms=$?
cat "$folder/rooms.txt"
again rooms "$rooms" tests --ignore=tests/interop
rooms=$?
again interop "$interop" tests/interop
interop=$?
echo "all but tests/interop: exit $rooms; tests/interop: exit $interop"
((rooms == 0 && interop == 0))
