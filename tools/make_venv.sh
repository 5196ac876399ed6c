#!/usr/bin/env bash
# Makes the virtual environment $1 with the fastest Python that is 3.11 or later, or says what is missing. One that was built
# without profile-guided optimisation takes half as long again for each call; distributions' own are built with it.
set -euo pipefail

venv=$1
if [[ -x $venv/bin/python ]] && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

suitable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Microseconds of CPU for work of the kind that calls are made of: the best of five rounds.
speed() {
    "$1" -I -c '
import time

def work():
    found = {}
    for number in range(2000):
        name, _, value = ("branch=z9hG4bK%d;rport" % number).partition("=")
        found[name, number] = value.strip()
    return len(found)

def timed():
    began = time.process_time()
    work()
    return time.process_time() - began

print(int(min(timed() for _ in range(5)) * 1e6))' 2>/dev/null
}

python=${PYTHON:-}
if [[ -n $python ]] && ! suitable "$python"; then
    echo "PYTHON=$python is no Python 3.11 or later" >&2
    exit 1
fi
if [[ -z $python ]]; then
    best=
    while read -r candidate; do
        if suitable "$candidate" && took=$(speed "$candidate") && [[ -z $best || $took -lt $best ]]; then
            best=$took python=$candidate
        fi
    done < <(type -aP python3 python3.14 python3.13 python3.12 python3.11 | awk '!seen[$0]++')
fi
if [[ -z $python ]]; then
    echo "softswitch needs Python 3.11 or later; none was found. Name one with: PYTHON=/path/to/python3 make venv" >&2
    exit 1
fi
# Debian ships venv without the part that puts pip into it.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$(dirname "$0")/system_packages.sh" python3-venv
fi
rm -rf "$venv"
"$python" -m venv "$venv"
