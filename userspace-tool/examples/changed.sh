#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# changed.sh SESSION FILE…: prints which of the files have changed since the last time that it was
# called with them. A session keeps a fingerprint of each, and tells what an epoch has changed.

set -eu

if [ $# -lt 2 ]; then
    echo "usage: changed.sh SESSION FILE…" >&2
    exit 2
fi
export ATOMIK_SESSION="$1"
shift

# The files' fingerprints as states, in one batch.
note() {
    atomikctl fingerprint --ordered --into 0 -- "$@"
}

if atomikctl list >/dev/null 2>&1; then
    note "$@"
    # Lines that begin with an address.
    changed="
$(atomikctl dump --changed --no-header)"
    addr=0
    for file; do
        case $changed in
        *"
$addr "*) printf '%s\n' "$file" ;;
        esac
        addr=$((addr + 1))
    done
else
    atomikctl session start "$ATOMIK_SESSION"
    atomikctl create $# >/dev/null
    note "$@"
fi
# From now on nothing has changed.
atomikctl swap .. >/dev/null
