#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0

# `sh install.sh` brings it to a shell that can't read the rest.
[ -n "${BASH_VERSION-}" ] || exec /bin/bash "$0" "$@"
set +o posix -euo pipefail
umask 022
# shellcheck source=packaging/environment.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/packaging/environment.sh"
export DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH

usage() {
    cat <<'END'
usage: sudo ./install.sh [OPTION…]

Installs atomik: the driver, by DKMS, so that it follows kernel upgrades; the commands atomikctl and
atomik-replicate; the C header. It checks everything first, says what it will do, and asks. A failed
one is undone.

  --check            only check; the exit status is 0 where atomik can be installed
  --dry-run          check and say what would be done, but do nothing
  --yes              don't ask
  --no-deps          don't install packages; say which are missing
  --kernel RELEASE   for this installed kernel instead of the running one
  --kdir DIRECTORY   against this kernel build tree
  --uninstall        remove everything again
  --help
END
}

# Symbolic links to this script lead there, too.
project=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
arguments=("$@")
mode=install yes='' deps=yes release=$(uname -r) kdir=''
log=/dev/null rebuild_metadata='' kernel_fits=''
# The user to be given the device: the one who ran sudo, if there is such an account.
user=${SUDO_USER-}
if [[ $user == root ]] || ! getent passwd "$user" >/dev/null; then
    user=''
fi

. "$project/packaging/dkms/kernel.sh"
. "$project/packaging/install/messages.sh"
. "$project/packaging/install/journal.sh"
. "$project/packaging/install/checks.sh"
. "$project/packaging/install/packages.sh"
. "$project/packaging/install/driver.sh"
. "$project/packaging/install/files.sh"
. "$project/packaging/install/device.sh"
. "$project/packaging/install/plan.sh"
. "$project/packaging/install/removal.sh"

while (($#)); do
    case $1 in
    --check | --dry-run | --uninstall) mode=${1#--} ;;
    --yes) yes=yes ;;
    --no-deps) deps='' ;;
    --kernel | --kdir)
        [[ -n ${2-} ]] || die "$1 needs a value" "./install.sh --help"
        if [[ $1 == --kernel ]]; then release=$2; else kdir=$2; fi
        shift
        ;;
    --help)
        usage
        exit
        ;;
    *) die "there is no option '$1'" "./install.sh --help" ;;
    esac
    shift
done
if [[ -n $kdir ]]; then
    [[ -e $kdir/.config ]] ||
        die "$kdir is not a configured kernel build tree (it has no .config)" \
            "--kdir takes the directory in which the kernel was built"
    kdir=$(cd "$kdir" && pwd)
fi
headers=${kdir:-/lib/modules/$release/build}
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$project/dkms.conf")
oldest_kernel=$(sed -n 's/^BUILD_EXCLUSIVE_KERNEL_MIN="\(.*\)"/\1/p' "$project/dkms.conf")
source_tree=/usr/src/atomik-$version

# as_root: prints this very call, as root makes it.
as_root() {
    local call
    printf -v call ' %q' "$project/install.sh" "${arguments[@]}"
    if command -v sudo >/dev/null; then
        echo "sudo$call"
    else
        printf 'su -c %q\n' "${call# }"
    fi
}

# confirm QUESTION
confirm() {
    [[ -z $yes ]] || return 0
    [[ -t 0 ]] ||
        die "there is no terminal to ask on; nothing has been changed" \
            "say --yes to go on without being asked"
    local answer
    read -r -p "$1 [y/N] " answer
    [[ $answer == [yY]* ]] || die "nothing has been changed"
}

if [[ $mode == install || $mode == uninstall ]]; then
    ((EUID == 0)) || die "this needs root; nothing has been changed" "$(as_root)"
    # Whoever can open a file can lock it and keep us waiting, so nobody but root can. It stays,
    # since others may wait for it. Children have the lock too: those that a killed installation
    # left behind end before we begin.
    install -d -m 700 /run/atomik-locks
    umask 077
    exec {lock}>/run/atomik-locks/install
    umask 022
    if ! flock --nonblock "$lock"; then
        say "Waiting for another install.sh, or for what a killed one left at work."
        flock "$lock"
    fi
    # In memory, so that a full disk can be reported.
    log=/run/atomik-install.log
    : >"$log"
fi

if [[ $mode == uninstall ]]; then
    uninstall
    exit
fi

programs=$(find_programs)
say "Checking what atomik $version needs for the kernel $release:"
check_kernel
[[ -z $kernel_fits || -z $kdir ]] || check_kdir
if [[ -n $kernel_fits ]]; then
    check_way
    check_builder
    find_missing
    [[ -z $rebuild_metadata ]] ||
        check_space 3000 /var/cache/atomik "rebuilding the kernel's Rust metadata"
    ((${#needed[@]} == 0)) || check_space 1500 /usr "packages"
    check_space 150 /var/lib/dkms "the module"
    if ((${#needed[@]})) && [[ -z $deps ]]; then
        fault "packages are missing: ${needed[*]}" \
            "apt-get install --no-install-recommends ${needed[*]}"
    else
        check_packages
    fi
fi
if [[ $mode == check && -e $manifest ]]; then
    say "Checking the installation:"
    /usr/local/bin/atomikctl doctor || faults=$((faults + 1))
fi
((faults == 0)) ||
    die "$faults of the checks failed; nothing has been changed" \
        "do what stands below each, then run this again"
[[ $mode != check ]] || exit 0

say_plan
[[ $mode != dry-run ]] || exit 0
confirm "Go on?"

trap 'abandon $?' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
recover
install_all
trap - EXIT
say_next
