# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Removal of all that was installed. To be sourced.

uninstall() {
    local users path kind first names='' versions packages
    packages=$(our_packages)
    [[ -z $packages ]] ||
        die "atomik is installed as Debian packages: $packages; nothing has been changed" \
            "apt-get purge $packages"
    if [[ ! -e $manifest && ! -e $journal && ! -e $state && -z $(dkms_versions) &&
        ! -e /var/cache/atomik ]]; then
        say "atomik is not installed."
        return
    fi
    users=$(in_use)
    [[ -z $users ]] ||
        die "/dev/atomik is in use by $users; nothing has been changed" \
            "end them, since their tables would be lost with the module, then run this again"
    confirm "Remove atomik, its driver and its group?"
    recover
    say "Removing:"
    if [[ -d /sys/module/atomik ]]; then
        step "unloading the module" modprobe -r atomik ||
            die "the module can't be unloaded; nothing has been removed" \
                "lsmod | grep atomik shows what holds it"
    fi
    # All that DKMS has, also for other kernels. The manifest goes last, so that an interrupted
    # removal can be done again.
    versions=$(dkms_versions; sed -n 's/^version\t//p' "$manifest" 2>/dev/null || true)
    for path in $(sort -u <<<"$versions"); do
        say "  the driver $path"
        dkms_forget "$path" >>"$log" 2>&1
        rm -rf "/usr/src/atomik-$path"
    done
    if [[ -e $manifest ]]; then
        say "  files"
        while IFS=$'\t' read -r kind first _; do
            [[ $kind != file ]] || rm -f "$first"
        done <"$manifest"
        while IFS=$'\t' read -r kind first _; do
            [[ $kind != directory ]] || rmdir "$first" 2>/dev/null || true
        done < <(sort -r "$manifest")
        while IFS=$'\t' read -r kind first _; do
            case $kind in
            member) gpasswd --delete "$first" atomik >>"$log" 2>&1 || true ;;
            mok) forget_mok ;;
            esac
        done <"$manifest"
        if grep -q '^group' "$manifest" && getent group atomik >/dev/null; then
            say "  the group atomik"
            groupdel atomik ||
                say "note: the group atomik stays, as it is a user's own; see: getent passwd"
        fi
    fi
    [[ ! -S /run/udev/control ]] || udevadm control --reload >>"$log" 2>&1 || true
    # Some packages may have failed to install, or have gone since.
    while read -r first; do
        ! installed "$first" || names+=" $first"
    done < <(sort -u "$state/packages" 2>/dev/null)
    rm -rf /var/cache/atomik "$state" "$log"
    say "atomik is removed."
    [[ -z $names ]] ||
        say "These packages were installed for it; unless you need them:" \
            "apt-get autoremove --purge$names"
}
