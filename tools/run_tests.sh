#!/usr/bin/env bash
# The whole suite in two halves at once: what drives other programs goes first wherever both want a processor, and the rest,
# which lives on virtual time, takes what is left. What failed is run again, alone: a fault fails again, a moment without a
# processor does not. All runs are told.
set -uo pipefail
python=${1:?the python of the virtual environment}
limit=${2:?seconds}
most_again=15
folder=$(mktemp -d /tmp/ss.XXXXXX) # short: the Unix sockets of switches are below it
trap 'rm -rf "$folder"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

# run NAME PYTEST-ARGUMENTS…
run() {
	local name=$1
	shift
	timeout --kill-after=30 "$limit" "$python" -m pytest -q -o faulthandler_timeout=240 -o cache_dir="$folder/cache-$name" \
		"$@"
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
			run "$name" "$@" --last-failed -p no:xdist --basetemp="$folder/$name-again"
			status=$?
		fi
	fi
	return "$status"
}

behind() { # as the class of Linux that runs when nobody else wants to
	chrt --idle --pid 0 "$BASHPID" >"$folder/chrt.txt" 2>&1 || renice -n 19 -p "$BASHPID" >"$folder/chrt.txt"
	first "$@"
}

behind rooms tests --ignore=tests/interop >"$folder/rooms.txt" 2>&1 &
first interop tests/interop
interop=$?
wait $!
rooms=$?
cat "$folder/rooms.txt"
again rooms "$rooms" tests --ignore=tests/interop
rooms=$?
again interop "$interop" tests/interop
interop=$?
echo "all but tests/interop: exit $rooms; tests/interop: exit $interop"
((rooms == 0 && interop == 0))
