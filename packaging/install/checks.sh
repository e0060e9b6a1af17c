# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Checks of all that must hold before install.sh changes anything. Each prints a line; `faults`
# counts those that failed. Once atomikctl is installed, `atomikctl doctor` checks the installation
# itself. To be sourced.

# find_config: sets `config` to the configuration of the kernel for which we install, where there is
# one.
find_config() {
    for config in "$headers/.config" "/boot/config-$release" "/lib/modules/$release/config"; do
        [[ ! -r $config ]] || return 0
    done
    config=''
    if [[ $release == "$(uname -r)" && -r /proc/config.gz ]]; then
        config=/proc/config.gz
    fi
}

# at_least VERSION MINIMUM
at_least() {
    [[ $(printf '%s\n' "$1" "$2" | sort -V | sed -n 1p) == "$2" ]]
}

# better_kernel: tells how this machine gets a kernel that can have the driver.
better_kernel() {
    local flavour version suite
    for flavour in "${release#*[0-9]-}" "$(dpkg --print-architecture 2>/dev/null || true)"; do
        while read -r version suite; do
            if at_least "$version" "$oldest_kernel"; then
                echo "Install one that can, and reboot: apt-get install -t $suite" \
                    "linux-image-$flavour linux-headers-$flavour"
                return
            fi
        done < <(apt-cache madison "linux-image-$flavour" 2>/dev/null |
            awk -F' *[|] *' '{ split($3, source, "[ /]+"); print $2, source[length(source) - 3] }')
    done
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true)
    if grep -qs '^ID=debian' /etc/os-release && [[ -n $suite ]]; then
        echo "Add the suite $(kernel_suite) to apt's sources, run apt-get update, then this" \
            "again, which says what to install."
    else
        echo "Boot one of $oldest_kernel or later that is built with Rust (CONFIG_RUST)."
    fi
}

# check_kernel: sets kernel_fits where the kernel can have the driver.
check_kernel() {
    local known config
    find_config
    if [[ ! -d /lib/modules/$release ]]; then
        known=$(find /lib/modules/ -mindepth 1 -maxdepth 1 -printf '%f ' 2>/dev/null || true)
        if [[ -n $known ]]; then
            fault "the kernel $release is not installed" \
                "Installed are: ${known% }. Say one with --kernel."
        else
            fault "the kernel $release is not installed, nor is another" \
                "A container has its host's kernel: install atomik there, and hand /dev/atomik in."
        fi
    elif ! at_least "$release" "$oldest_kernel"; then
        fault "the kernel $release is older than $oldest_kernel, whose Rust the driver needs" \
            "$(better_kernel)"
    elif [[ -n $kdir && $(kernel_option "$config" CONFIG_RUST) != y ]]; then
        fault "$kdir is configured without Rust (CONFIG_RUST)" "make -C $kdir rustavailable says \
what is missing for it. Then set it, and build, install and boot that kernel."
    elif [[ -n $config && $(kernel_option "$config" CONFIG_RUST) != y ]]; then
        fault "the kernel $release is built without Rust (CONFIG_RUST)" "$(better_kernel)"
    elif [[ $(uname -m) != @(x86_64|aarch64) ]]; then
        fault "this machine is a $(uname -m)" "atomik works on x86_64 and aarch64 only."
    else
        ok "kernel $release"
        kernel_fits=yes
    fi
}

# check_kdir: faults a build tree against which the module can't be built, and unsets kernel_fits.
check_kdir() {
    local built='' faults_before=$faults
    [[ ! -r $kdir/include/config/kernel.release ]] || built=$(<"$kdir/include/config/kernel.release")
    if [[ $kdir == *[!/._+@~=[:alnum:]-]* ]]; then
        fault "$kdir has a character that the kernel's make can't take in a path" \
            "Move it to a path of letters, digits and /._+@~=- alone."
    elif [[ -z $built ]]; then
        fault "$kdir is configured, but no kernel has been built there" \
            "Build it, install it, and boot it: make -C $kdir; make -C $kdir modules_install install"
    elif [[ $built != "$release" && -d /lib/modules/$built ]]; then
        fault "$kdir was built for the kernel $built, not for $release" "Say --kernel $built."
    elif [[ $built != "$release" ]]; then
        fault "$kdir was built for the kernel $built, not for $release" "Say the tree of $release, or \
install that kernel (make -C $kdir modules_install install) and say --kernel $built."
    # Only Debian's own headers have a source that their metadata can be rebuilt from.
    elif ! has_metadata "$kdir" && ! dpkg-query -S "$(realpath "$kdir")/.config" >/dev/null 2>&1; then
        fault "$kdir lacks rust/libkernel.rmeta or Module.symvers, which a build of the kernel makes" \
            "Build it there: make -C $kdir"
    else
        ok "build tree $kdir"
    fi
    ((faults == faults_before)) || kernel_fits=''
}

# our_packages: prints atomik's own Debian packages that dpkg knows, be it only by a file in /etc.
our_packages() {
    dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' atomik-dkms atomik-tools \
        atomik-replicate 2>/dev/null |
        sed -n 's/^.[^n]. *//p' | paste -sd ' ' || true
}

# check_way: faults other people's files where we install, and links among the sources, which could
# lead anywhere.
check_way() {
    local path source packages links in_way=()
    packages=$(our_packages)
    [[ -z $packages ]] ||
        fault "atomik is installed as Debian packages: $packages" \
            "Upgrade it as such, or remove it first: apt-get purge $packages"
    links=$(strange_files "$project")
    while IFS=$'\t' read -r _ path source _; do
        [[ ! -L $source ]] || links+="$source "
        [[ ! -e $path ]] || in_manifest "$path" || in_journal "$path" || in_way+=("$path")
    done < <(to_install)
    [[ -z $links ]] ||
        fault "where a file should be is a link or the like: ${links% }" \
            "Put the files themselves there, as the project has them."
    if ((${#in_way[@]})); then
        fault "these files exist, and this script did not install them: ${in_way[*]}" \
            "Move them away."
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
        fault "$2 has $((free / 1024)) MiB of free disk space; $3 needs $1 MiB" \
            "Free some: apt-get clean, journalctl --vacuum-size=100M"
    else
        ok "disk space for $3"
    fi
}

# check_builder: cargo runs as the owner of the project, so the owner must have an account.
check_builder() {
    local uid
    uid=$(stat -c %u "$project")
    [[ $programs != build ]] || getent passwd "$uid" >/dev/null ||
        fault "$project belongs to the uid $uid, which has no account to build the programs as" \
            "Give it to one: chown -R ${user:-root}: $project"
}
