# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Makes the environment the same whoever calls a script from wherever. To be sourced first of all:
# CDPATH, for one, changes what `cd` says.

# Any variable may change what some program does: what it reads, how it writes, which options it
# has.
for name in $(compgen -e); do
    case $name in
    # The user, the directory, the terminal's abilities, and the way to the servers of packages.
    HOME | USER | LOGNAME | SUDO_* | PATH | PWD | OLDPWD | TMPDIR | XDG_CACHE_HOME) ;;
    TERM | NO_COLOR | *_proxy | *_PROXY | SSL_CERT_FILE | SSL_CERT_DIR) ;;
    CARGO_HOME | RUSTUP_HOME | CARGO_HTTP_* | CARGO_NET_* | CARGO_REGISTR*) ;;
    # Settings of the scripts and the tests.
    KERNEL | SUITE | ATOMIK_ROUNDS | QEMU_ARGS | STRESS_SECONDS | SOURCE_DATE_EPOCH) ;;
    RUST_BACKTRACE | RUST_LOG | RUST_TEST_* | PROPTEST_* | LOOM_*) ;;
    # Unset, it would count no more.
    SECONDS) export -n SECONDS ;;
    # The shell's own can't be unset.
    *) unset -v "$name" 2>/dev/null || export -n "${name?}" ;;
    esac
done
# A function that the caller exported would come before a program of its name.
for name in $(compgen -A function); do
    unset -f "$name"
done
unset name
set +o posix +o noclobber +o noglob
export LC_ALL=C.UTF-8
[[ -n ${HOME-} ]] || unset HOME
export HOME=${HOME:-~}
# By XDG's rules a relative path counts for nothing; what can't take files would make mktemp fail,
# and in a directory of another user's, that user could put something else in the place of a file.
[[ ${XDG_CACHE_HOME-} == /* ]] || unset XDG_CACHE_HOME
[[ ${TMPDIR-} == /* && -d $TMPDIR && -w $TMPDIR && (-O $TMPDIR || -k $TMPDIR) ]] || unset TMPDIR
SECONDS=0
