# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# The device: the group that may use it, the module that makes it, and its use. To be sourced.

# Why the device could not be used yet.
why_not_used=''

install_group() {
    if ! getent group atomik >/dev/null; then
        announce group
        if command -v systemd-sysusers >/dev/null; then
            step "creating the group atomik" systemd-sysusers /etc/sysusers.d/atomik.conf
        else
            step "creating the group atomik" groupadd --system atomik
        fi
    fi
    if [[ -n $user ]] &&
        ! getent group atomik | cut -d: -f4 | tr , '\n' | grep -qxF "$user"; then
        announce member "$user"
        # Without the member the installation is still whole.
        step "adding $user to it" gpasswd --add "$user" atomik || user=''
    fi
}

# users_of FILE: prints the processes that have it open, each with its name.
users_of() {
    local pid name
    # Processes may end meanwhile, which is no fault.
    { find /proc/[0-9]*/fd -maxdepth 1 -lname "$1" -printf '%h\n' 2>/dev/null || true; } |
        cut -d/ -f3 | sort -un |
        while read -r pid; do
            name=''
            IFS= read -r -d '' name 2>/dev/null <"/proc/$pid/comm" || true
            [[ -n $name ]] || continue
            printable "$pid (${name%$'\n'})"
        done
}

in_use() {
    users_of /dev/atomik | paste -sd' ' | sed 's/) /), /g'
}

# load_module: loads the module, where one is installed.
load_module() {
    [[ -n $(modinfo -k "$(uname -r)" -n atomik 2>/dev/null) ]] || return 0
    modprobe atomik >>"$log" 2>&1
}

use_device() {
    if [[ $release != "$(uname -r)" ]]; then
        why_not_used="the kernel $release is not running; the module is loaded when it is booted"
        return
    fi
    if not_enrolled; then
        why_not_used="Secure Boot loads no module whose key is not enrolled"
        return
    fi
    if [[ -S /run/udev/control ]]; then
        step "udev: reading the rule" udevadm control --reload
    fi
    if [[ -d /sys/module/atomik && -n $driver_changed ]]; then
        if [[ -n $(in_use) ]] || ! modprobe -r atomik >>"$log" 2>&1; then
            why_not_used="the driver from before is in use by $(in_use); the new one is loaded \
with the next boot, or by: modprobe -r atomik && modprobe atomik"
            return
        fi
    fi
    [[ -d /sys/module/atomik ]] || announce loaded
    step "loading the module" modprobe atomik
    if [[ -S /run/udev/control ]]; then
        # The rule may be newer than the device.
        udevadm trigger --action=change /sys/class/misc/atomik >>"$log" 2>&1 || true
        udevadm settle --timeout=30 >>"$log" 2>&1 || true
        [[ $(stat -c '%a %G' /dev/atomik) == '660 atomik' ]] ||
            die "/dev/atomik is $(stat -c '%a %U:%G' /dev/atomik) instead of 660 root:atomik" \
                "look for another rule: udevadm test /sys/class/misc/atomik"
    fi
    local said
    said=$(printf 'create 1\nload 0 5\naccum 0 3\nread 0\n' | /usr/local/bin/atomikctl run 2>&1) ||
        die "the device does not work: $said" "dmesg | tail"
    [[ $said == *'read 0 = 0x0000000000000006'* ]] ||
        die "the device gave a wrong answer: $said" "please report this, with dmesg"
    say "  used the device: 5 loaded, 3 folded in, 6 read"
}
