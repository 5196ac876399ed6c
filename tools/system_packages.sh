#!/usr/bin/env bash
# Programs that demo and tests drive, from Debian packages: nothing when all are there, installed when root, else the
# one command to type. Without arguments the default list; with arguments those packages.
set -euo pipefail

declare -A program=([sip-tester]=sipp [baresip]=baresip [espeak-ng]=espeak-ng [sox]=sox)
missing=()
if (($#)); then
    missing=("$@")
else
    for package in "${!program[@]}"; do
        command -v "${program[$package]}" >/dev/null || missing+=("$package")
    done
fi
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
    echo "please install: ${missing[*]}" >&2
    exit 1
fi
install="apt-get update && apt-get install --yes --no-install-recommends ${missing[*]}"
if ((EUID)); then
    echo "missing packages; type this once, then repeat: sudo sh -c '$install'" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null
apt-get install --yes -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
