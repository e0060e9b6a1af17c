# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Shared by the scripts of the test bed: their environment, where things are, how progress is told,
# and a cache whose entries are either whole or absent. To be sourced first of all.

set -euo pipefail

# shellcheck source=packaging/environment.sh
. "$(dirname "${BASH_SOURCE[0]}")/../packaging/environment.sh"
# shellcheck source=qemu/archive.sh
. "$(dirname "${BASH_SOURCE[0]}")/archive.sh"
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(dirname "$here")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/atomik

# say TEXT…: progress goes to stderr, so that stdout can carry results.
say() {
    printf 'atomik [%4ds] %s\n' "$SECONDS" "$*" >&2
}

die() {
    printf 'atomik: %s\n' "$*" >&2
    exit 1
}

# in_paths DIRECTORY REMEDY: refuses what could not be in a path. The kernel's make splits paths at
# blanks and has a meaning for more, as QEMU has for commas.
in_paths() {
    [[ $1 != *[!/._+@~=[:alnum:]-]* ]] ||
        die "'$1' has a character that the kernel's make can't take in a path. $2 of letters," \
            "digits and /._+@~=- alone"
}
in_paths "$project" "Give the clone a path"
in_paths "$cache" "Let XDG_CACHE_HOME be a path"

# known_kernels [FLAVOUR]: the lines of the table of kernels: series, flavour, release. Those of a
# flavour are only of the series in trixie.
known_kernels() {
    awk -v flavour="${1-}" '
        !/^#/ && NF && (flavour == "" || $2 == flavour && /^[0-9]/)' "$here/kernels/table"
}

# Architectures have Debian's names, amd64 and arm64. This is the machine's own.
case $(uname -m) in
x86_64) native=amd64 ;;
aarch64) native=arm64 ;;
*) die "this machine is a $(uname -m). The test bed works on x86-64 and arm64" ;;
esac

# arch_of KERNEL: the architecture of a release, or of what qemu/kernel takes: a flavour has it in
# its name, and a kernel without a flavour is for this machine.
arch_of() {
    case ${1-} in
    *amd64*) echo amd64 ;;
    *arm64*) echo arm64 ;;
    *) echo "$native" ;;
    esac
}

# suite_of KERNEL: the Debian suite of what qemu/kernel takes, which begins with its name, or of a
# release; the others are of trixie and its backports.
suite_of() {
    case ${1-} in
    forky | forky-* | *+deb14-*) echo forky ;;
    sid | sid-*) echo sid ;;
    *) echo trixie ;;
    esac
}

# The suite in whose root everything is compiled. A kernel takes modules only of the very rustc that
# built it; the programs for its guests are of the same suite.
export SUITE=${SUITE:-$(suite_of "${KERNEL-}")}
case $SUITE in
trixie) target=target/guest ;;
forky | sid) target=target/guest-$SUITE ;;
*) die "the suite '$SUITE' is unknown; say trixie, forky or sid" ;;
esac

# gnu ARCH: the architecture as names of compilers begin.
gnu() {
    case $1 in
    amd64) echo x86_64-linux-gnu ;;
    arm64) echo aarch64-linux-gnu ;;
    *) die "the architecture '$1' is unknown; say amd64 or arm64" ;;
    esac
}

# triple ARCH: the same as Rust says it.
triple() {
    local gnu
    gnu=$(gnu "$1")
    echo "${gnu/-linux/-unknown-linux}"
}

# programs_for ARCH: where qemu/cargo puts programs for it, in the project.
programs_for() {
    local triple
    triple=$(triple "$1")
    echo "$target/$triple"
}

# test_programs ARCH PACKAGE NAME…: builds these test programs of the package, and prints their
# paths.
test_programs() {
    local arch=$1 package=$2 said
    shift 2
    said=$("$here/cargo" --arch "$arch" test --locked --package "$package" "${@/#/--test=}" --no-run 2>&1) || {
        printf '%s\n' "$said" >&2
        die "the test programs $* of $package can't be built; the messages above say why"
    }
    sed -n 's/^ *Executable .*(\(.*\))$/\1/p' <<<"$said"
}

# key_of FILE… [-- WORD…]: a short hash of files' contents and of words, and of the suite.
key_of() {
    local files=()
    while (($#)) && [[ $1 != -- ]]; do
        files+=("$1")
        shift
    done
    {
        cat "${files[@]}" /dev/null
        printf '%s\n' "$@"
        [[ $SUITE == trixie ]] || echo "$SUITE"
    } | sha256sum | cut -c1-12
}

# lock NAME: waits for the lock and holds it till the script ends. A child that outlives a killed
# script keeps the lock too, so nobody clears away what it is still writing.
lock() {
    mkdir -p "$cache/lock"
    exec {lock_fd}>"$cache/lock/$1"
    if ! flock --nonblock "$lock_fd"; then
        say "waiting for another process that makes $1"
        flock "$lock_fd"
    fi
}

unlock() {
    exec {lock_fd}>&-
}

# heartbeat NAME LOG: says now and then how far something is, until it is told to end or this script
# has.
heartbeat() {
    local nap
    # Left alone, the sleep would keep a pipe open for whoever reads this script's output.
    trap 'kill "$nap"; exit' TERM
    while kill -0 $$ 2>/dev/null; do
        sleep 15 &
        nap=$!
        wait "$nap"
        say "$1: at it: $(tail -n 1 "$2" | cut -c 1-90)"
    done
}

# cached NAME KEY COMMAND…: makes $cache/NAME-KEY by `COMMAND… DIRECTORY` unless it is there, and
# sets `entry` to its path. The command fills a directory beside the final one, which gets its name
# only when complete; leftovers of an interrupted one are removed. Let the command be a program: a
# function would go on after a step that failed.
cached() {
    local name=$1 log=$cache/log/$1.log status=0 started beating trouble
    entry=$cache/$1-$2
    shift 2
    if [[ -d $entry ]]; then
        touch -c "$entry"
        return
    fi
    lock "$name"
    if [[ ! -d $entry ]]; then
        started=$SECONDS
        say "$name: making it (log: $log)"
        rm -rf "$cache/making-$name"
        mkdir -p "$cache/making-$name" "$cache/log"
        heartbeat "$name" "$log" >&2 {lock_fd}>&- &
        beating=$!
        "$@" "$cache/making-$name" >"$log" 2>&1 || status=$?
        kill "$beating"
        wait "$beating" 2>/dev/null || true
        if ((status)); then
            rm -rf "$cache/making-$name"
            tail -n 25 "$log" >&2
            trouble=$(archive_trouble "$log")
            die "$name: failed with status $status; the whole log is $log." \
                "${trouble:-Once the cause is mended, run it again.}"
        fi
        mv -T "$cache/making-$name" "$entry"
        # Unpacked files may be dated as in their archive.
        touch "$entry"
        say "$name: made in $((SECONDS - started)) s"
        # Entries that no checkout has asked for in two weeks are of older versions of these
        # scripts.
        find "$cache" -maxdepth 1 -name "$name-*" -mtime +14 -exec rm -rf {} +
    fi
    unlock
}
