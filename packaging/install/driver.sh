# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# The driver: its sources, and DKMS, which builds it. To be sourced.

# The part of the project that DKMS needs.
driver_sources=(Kbuild dkms.conf module uapi LICENSES packaging/dkms)

# strange_files DIRECTORY: prints the driver's sources there that are neither files nor directories.
strange_files() {
    (cd "$1" && find "${driver_sources[@]}" ! -type f ! -type d -printf '%p ')
}

# stage DIRECTORY: puts the driver's sources there.
stage() {
    local strange
    mkdir -p "$1"
    (cd "$project" && cp -r --parents "${driver_sources[@]}" "$1")
    # Root builds these sources from now on, so nothing may lead back to where others write.
    strange=$(strange_files "$1")
    [[ -z $strange ]] ||
        die "where a file should be is a link or the like: ${strange% }" \
            "put the files themselves there, as the project has them"
    # A clone may have been made with another umask.
    chmod -R u=rwX,go=rX "$1"
    chown -R root:root "$1"
}

dkms_versions() {
    find /var/lib/dkms/atomik -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null || true
}

# dkms_has VERSION: whether DKMS has installed it for our kernel.
dkms_has() {
    dkms status "atomik/$1" -k "$release" 2>/dev/null | grep -q ': installed'
}

# dkms_forget VERSION: removes it from DKMS, also where DKMS was interrupted.
dkms_forget() {
    if command -v dkms >/dev/null; then
        dkms remove "atomik/$1" --all || true
    fi
    # Left where DKMS does not know it any more, or not yet.
    rm -rf "/var/lib/dkms/atomik/$1"
    rmdir /var/lib/dkms/atomik 2>/dev/null || true
}

# install_driver: has DKMS build and install the driver, and sets driver_changed, unless it is there
# already.
install_driver() {
    local new=/usr/src/.atomik-new old
    driver_changed=''
    announce made "$new"
    rm -rf "$new"
    stage "$new"
    if dkms_has "$version" && diff -r "$new" "$source_tree" >/dev/null 2>&1; then
        rm -rf "$new"
        say "  the driver is there already"
        return
    fi
    driver_changed=yes
    for old in $(dkms_versions); do
        if dkms_has "$old"; then
            # Undone after the steps below, when its sources are back.
            announce dkms-before "$old" "$release"
        fi
    done
    if [[ -e $source_tree ]]; then
        backup "$source_tree"
        dkms_forget "$version" >>"$log" 2>&1
        rm -rf "$source_tree"
    else
        announce made "$source_tree"
    fi
    announce dkms "$version"
    mv -T "$new" "$source_tree"
    step "DKMS: adding the driver" dkms add "atomik/$version"
    step "DKMS: building it" dkms build "atomik/$version" -k "$release" \
        ${kdir:+--kernelsourcedir "$kdir"}
    step "DKMS: installing it" dkms install --force "atomik/$version" -k "$release"
}

# The key by which DKMS signs modules, for those who check them.
mok=/var/lib/dkms/mok.pub

# efi_flag VARIABLE: whether this variable of the firmware is there and says 1.
efi_flag() {
    local file=/sys/firmware/efi/efivars/$1
    # The value comes after four bytes of attributes.
    [[ -r $file && $(od -An -tu1 -j4 -N1 "$file") -eq 1 ]]
}

# secure_boot: whether the kernel loads only modules that are signed. shim may have been told to
# check nothing, and the kernel does as shim does.
secure_boot() {
    efi_flag SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c &&
        ! efi_flag MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23
}

# key_state: prints what Secure Boot knows of DKMS's key: `enrolled`, `requested` where that only
# has to be confirmed, `unknown`; nothing where Secure Boot is off.
key_state() {
    secure_boot || return 0
    # Its status is 1 where the key is known.
    case $(mokutil --test-key "$mok" 2>/dev/null || true) in
    *' in the enrollment request'*) echo requested ;;
    *' is already '*) echo enrolled ;;
    *) echo unknown ;;
    esac
}

# not_enrolled: whether Secure Boot will refuse modules that DKMS signs.
not_enrolled() {
    [[ $(key_state) == @(requested|unknown) ]]
}

# say_enrolment: tells how DKMS's key is enrolled, where that has to be done.
say_enrolment() {
    local state
    state=$(key_state)
    case $state in
    unknown)
        say "Secure Boot is on: it refuses the driver till DKMS's key is enrolled, once for all" \
            "kernels:"
        command -v mokutil >/dev/null || say "    apt-get install mokutil"
        say "    mokutil --import $mok"
        say "It asks for a new password, which is used once. Then reboot."
        ;;
    requested)
        say "Secure Boot is on: it refuses the driver till you confirm the request to enrol DKMS's" \
            "key. Reboot."
        ;;
    *) return 0 ;;
    esac
    say "A blue screen comes before the system starts. Press a key within ten seconds, choose" \
        "'Enroll MOK', 'Continue', 'Yes', give the password, and choose 'Reboot'."
}

# forget_mok: removes the key that DKMS made for us, unless Secure Boot or another module needs it
# by now.
forget_mok() {
    if secure_boot; then
        say "note: DKMS's key stays; to withdraw it: mokutil --delete $mok"
    elif [[ -z $(dkms status 2>/dev/null) ]]; then
        rm -f /var/lib/dkms/mok.key "$mok"
    fi
}
