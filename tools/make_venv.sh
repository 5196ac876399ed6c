#!/usr/bin/env bash
# Makes the virtual environment $1 with the newest Python that is 3.11 or later, or says what is missing.
set -euo pipefail

venv=$1
if [[ -x $venv/bin/python ]] && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

suitable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && suitable "$candidate"; then
        python=$candidate
        break
    fi
done
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
