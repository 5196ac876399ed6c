#!/usr/bin/env bash
# The whole suite, one half after the other, two tests at once: what drives other programs comes last and has the machine
# to itself. What failed is run again, alone: a fault fails again, a moment without a processor does not. All runs are told.
set -uo pipefail
python=${1:?the python of the virtual environment}
limit=${2:?seconds}
most_again=15
folder=$(mktemp -d /tmp/ss.XXXXXX) # short: the Unix sockets of switches are below it
trap 'rm -rf "$folder"' EXIT

run() {
	timeout --kill-after=30 "$limit" "$python" -m pytest -q -o faulthandler_timeout=240 "$@"
}

# half NAME PATHS…: the exit code of the last run of it.
half() {
	local name=$1 status failed
	shift
	run "$@" -n 2 --dist worksteal --basetemp="$folder/$name" -o cache_dir="$folder/cache-$name"
	status=$?
	if ((status == 1)); then
		failed=$("$python" -c "import json, sys; print(len(json.load(open(sys.argv[1]))))" \
			"$folder/cache-$name/v/cache/lastfailed")
		if ((failed <= most_again)); then
			echo "again, alone: the $failed that failed"
			run "$@" --last-failed -p no:xdist --basetemp="$folder/$name-again" -o cache_dir="$folder/cache-$name"
			status=$?
		fi
	fi
	return "$status"
}

half rooms tests --ignore=tests/interop
rooms=$?
half interop tests/interop
interop=$?
echo "all but tests/interop: exit $rooms; tests/interop: exit $interop"
((rooms == 0 && interop == 0))
