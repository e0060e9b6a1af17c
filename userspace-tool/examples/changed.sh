#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# changed.sh SESSION FILE…: prints which of the files have changed since the last time that it was
# called with them. A session keeps a fingerprint of each, and tells what an epoch has changed.

set -euo pipefail

if (($# < 2)); then
    echo "usage: changed.sh SESSION FILE…" >&2
    exit 2
fi
export ATOMIK_SESSION=$1
shift
files=("$@")

# One batch: another process that looks meanwhile sees all of them or none.
note() {
    atomikctl fingerprint --ordered --into 0 -- "${files[@]}"
}

if ! atomikctl list >/dev/null 2>&1; then
    atomikctl session start "$ATOMIK_SESSION"
    atomikctl create "${#files[@]}" >/dev/null
    note
else
    note
    atomikctl dump --changed --no-header | while read -r addr _; do
        echo "${files[addr]}"
    done
fi
# From now on nothing has changed.
atomikctl swap .. >/dev/null
