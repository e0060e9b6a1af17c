# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# What must hold before install.sh changes anything. Each check prints a line; `faults` counts those that failed. Once
# atomikctl is installed, `atomikctl doctor` checks the installation itself. To be sourced.

faults=0

# printable TEXT…: a line without what a terminal would obey instead of showing it: others choose
# the names of their processes, and their programs' output is in the log.
printable() {
    local text=${*//[^[:print:]]/?}
    printf '%s\n' "${text//[$'\u061c\u200e\u200f\u2028'-$'\u202e\u2066'-$'\u2069']/?}"
}

ok() { printable "  ok        $1" >&2; }
note() { printable "  note      $1" >&2; }

# fault TEXT REMEDY
fault() {
    printable "  FAILED    $1" >&2
    printable "            $2" >&2
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

# better_kernel: how this machine gets a kernel that can have the driver.
better_kernel() {
    local flavour version suite
    for flavour in "${release##*[0-9]-}" amd64; do
        while read -r version suite; do
            if at_least "$version" 7.2; then
                echo "Install one that can, and reboot: apt-get install -t $suite linux-image-$flavour linux-headers-$flavour"
                return
            fi
        done < <(apt-cache madison "linux-image-$flavour" 2>/dev/null |
            awk -F' *[|] *' '{ split($3, source, "[ /]+"); print $2, source[length(source) - 3] }')
    done
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true)
    if grep -qs '^ID=debian' /etc/os-release && [[ -n $suite ]]; then
        echo "Add the suite $suite-backports to apt's sources, run apt-get update, then this again, which says what to install."
    else
        echo "Boot one of 7.2 or later that is built with Rust (CONFIG_RUST)."
    fi
}

check_kernel() {
    local known
    if [[ ! -d /lib/modules/$release ]]; then
        known=$(find /lib/modules/ -mindepth 1 -maxdepth 1 -printf '%f ' 2>/dev/null || true)
        if [[ -n $known ]]; then
            fault "the kernel $release is not installed" "Installed are: ${known% }. Say one with --kernel."
        else
            fault "the kernel $release is not installed, nor is another" \
                "A container has its host's kernel: install atomik on the host, and hand /dev/atomik in."
        fi
    elif ! at_least "$release" 7.2; then
        fault "the kernel $release is older than 7.2, whose Rust interfaces the driver needs" "$(better_kernel)"
    elif [[ -e $headers/.config || -e /boot/config-$release || -e /lib/modules/$release/config ]] &&
        [[ $(kernel_config CONFIG_RUST) != y ]]; then
        fault "the kernel $release is built without Rust (CONFIG_RUST)" "$(better_kernel)"
    elif [[ $(uname -m) != x86_64 ]]; then
        fault "this machine is a $(uname -m)" "Only x86_64 has been made to work."
    else
        ok "kernel $release"
        kernel_fits=yes
    fi
}

# our_packages: those of atomik's own that dpkg knows, be it only by a file in /etc.
our_packages() {
    dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' atomik-dkms atomik-tools 2>/dev/null |
        sed -n 's/^.[^n]. *//p' | paste -sd ' ' || true
}

# check_way: nothing of others may be where we install, nor lead elsewhere from what we install.
check_way() {
    local path source packages links in_way=()
    packages=$(our_packages)
    [[ -z $packages ]] ||
        fault "atomik is installed as Debian packages: $packages" "Upgrade it as such, or remove it first: apt-get purge $packages"
    links=$(strange_files "$project")
    while IFS=$'\t' read -r _ path source _; do
        [[ ! -L $source ]] || links+="$source "
        [[ ! -e $path ]] || in_manifest "$path" || in_journal "$path" || in_way+=("$path")
    done < <(to_install)
    [[ -z $links ]] || fault "where a file should be is a link or the like: ${links% }" "Put the files themselves there, as the project has them."
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

# check_builder: whom cargo can run as.
check_builder() {
    [[ $atomikctl != build ]] || getent passwd "$(stat -c %u "$project")" >/dev/null ||
        fault "$project belongs to the uid $(stat -c %u "$project"), which has no account to build atomikctl as" \
            "Give it to one: chown -R ${user:-root}: $project"
}

# users_of FILE: the processes that have it open, each with its name.
users_of() {
    local pid name
    # Some have ended before it gets there, which is no fault.
    { find /proc/[0-9]*/fd -maxdepth 1 -lname "$1" -printf '%h\n' 2>/dev/null || true; } |
        cut -d/ -f3 | sort -un |
        while read -r pid; do
            name=''
            IFS= read -r -d '' name 2>/dev/null <"/proc/$pid/comm" || true
            [[ -n $name ]] || continue
            printable "$pid (${name%$'\n'})"
        done
}
