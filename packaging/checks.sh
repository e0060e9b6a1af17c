# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# What must hold before install.sh changes anything. Each check prints a line; `faults` counts those that failed. Once
# atomikctl is installed, `atomikctl doctor` checks the installation itself. To be sourced.

faults=0

ok() { printf '  %-9s %s\n' ok "$1" >&2; }
note() { printf '  %-9s %s\n' note "$1" >&2; }

# fault TEXT REMEDY
fault() {
    printf '  %-9s %s\n%12s%s\n' FAILED "$1" '' "$2" >&2
    faults=$((faults + 1))
}

# kernel_config OPTION: its value; of the kernel for which we install.
kernel_config() {
    local file
    for file in "$headers/.config" "/boot/config-$release" "/lib/modules/$release/config"; do
        if [[ -r $file ]]; then
            sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$file"
            return
        fi
    done
    if [[ $release == "$(uname -r)" && -r /proc/config.gz ]]; then
        zcat /proc/config.gz | sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p"
    fi
}

# at_least VERSION MINIMUM
at_least() {
    [[ $(printf '%s\n' "$1" "$2" | sort -V | sed -n 1p) == "$2" ]]
}

check_kernel() {
    local flavour=${release##*[0-9]-} suite remedy
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    remedy="Install one that can and reboot: apt-get install -t ${suite:-trixie}-backports linux-image-$flavour linux-headers-$flavour"
    if [[ ! -d /lib/modules/$release ]]; then
        fault "the kernel $release is not installed" "Installed are: $(cd /lib/modules && echo *). Say one with --kernel."
    elif ! at_least "$release" 7.2; then
        fault "the kernel $release is older than 7.2, whose Rust interfaces the driver needs" "$remedy"
    elif [[ -e $headers/.config || -e /boot/config-$release || -e /lib/modules/$release/config ]] &&
        [[ $(kernel_config CONFIG_RUST) != y ]]; then
        fault "the kernel $release is built without Rust (CONFIG_RUST)" "$remedy"
    elif [[ $(uname -m) != x86_64 ]]; then
        fault "this machine is a $(uname -m)" "Only x86_64 has been made to work."
    else
        ok "kernel $release"
        kernel_fits=yes
    fi
}

# check_way FILE…: nothing of others may be where we install.
check_way() {
    local path in_way=()
    for package in atomik-dkms atomik-tools; do
        if installed "$package"; then
            fault "atomik is installed as the Debian package $package" "Upgrade it as such, or remove it first: apt-get purge $package"
        fi
    done
    while read -r _ path _; do
        [[ ! -e $path ]] || in_manifest "$path" || in_journal "$path" || in_way+=("$path")
    done < <(to_install)
    if ((${#in_way[@]})); then
        fault "these files exist and are not of an atomik that this script installed: ${in_way[*]}" "Move them away."
    fi
}

# check_space MIB DIRECTORY WHAT
check_space() {
    local directory=$2 free
    while [[ ! -d $directory ]]; do
        directory=$(dirname "$directory")
    done
    free=$(df --output=avail -k "$directory" | tail -n 1)
    if ((free / 1024 < $1)); then
        fault "$2 has $((free / 1024)) MiB of free disk space; $3 needs $1 MiB" "Free some: apt-get clean, journalctl --vacuum-size=100M"
    else
        ok "disk space for $3"
    fi
}

# users_of_device: the processes that have it open.
users_of_device() {
    local link pid
    for link in /proc/[0-9]*/fd/*; do
        if [[ $(readlink "$link" 2>/dev/null) == /dev/atomik ]]; then
            pid=${link#/proc/}
            pid=${pid%%/*}
            printf '%s (%s)\n' "$pid" "$(cat "/proc/$pid/comm" 2>/dev/null)"
        fi
    done | sort -u -n
}
