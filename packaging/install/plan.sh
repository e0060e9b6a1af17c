# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# The plan of an installation, its steps in order, and the words at its end. To be sourced.

say_plan() {
    local files
    say "This will"
    ((${#needed[@]} + ${#wanted[@]} == 0)) || [[ -z $deps ]] ||
        say_list "  - install with apt" "${needed[@]}" "${wanted[@]}"
    [[ -z $rebuild_metadata ]] ||
        say "  - rebuild the Rust metadata of $release, which its headers lack," \
            "in /var/cache/atomik (3 to 8 minutes, 2 GB for that time)"
    say "  - put the driver's source into $source_tree; DKMS builds it for $release now," \
        "and for later kernels by itself"
    mapfile -t files < <(to_install | cut -f2)
    say_list "  - install" "${files[@]}"
    say "  - create the group atomik, whose members may use /dev/atomik${user:+,}" \
        "${user:+and add $user to it}"
    if [[ $release == "$(uname -r)" ]] && not_enrolled; then
        say "  - leave loading to a later boot, since Secure Boot first wants a key to be enrolled;" \
            "how, is said in the end"
    elif [[ $release == "$(uname -r)" ]]; then
        say "  - load the module, and use the device once"
    else
        say "  - leave loading to the boot of $release, since $(uname -r) is running"
    fi
    say "  ./install.sh --uninstall removes all of it."
}

install_all() {
    local old tree=/var/cache/atomik/kernel/$release
    SECONDS=0
    say "Installing:"
    install_packages
    build_programs
    generate_files
    if [[ -n $rebuild_metadata ]]; then
        announce metadata "$tree"
        step "rebuilding the kernel's Rust metadata" \
            "$project/packaging/dkms/tree" "$release" --kdir "$headers" ||
            die "without the metadata the module can't be built" \
                "mend what the lines above say, or give a full build tree with --kdir"
    fi
    [[ -e /var/lib/dkms/mok.key ]] || announce mok
    install_driver
    install_files
    install_group
    use_device
    write_manifest
    # The installation is complete: from here on, an end leaves nothing to take back.
    forget_journal
    for old in $(dkms_versions); do
        if [[ $old != "$version" ]]; then
            step "removing atomik $old" dkms remove "atomik/$old" --all || true
            rm -rf "/usr/src/atomik-$old"
        fi
    done
    say "Installed in $((SECONDS)) s."
}

say_next() {
    say ""
    say "atomik $version is installed."
    [[ -z $why_not_used ]] || say "It has not been used yet: $why_not_used."
    say_enrolment
    if [[ -n $user ]]; then
        say "$user is in the group atomik from the next login on."
    else
        say "To let a user use it, from the next login on: gpasswd --add USER atomik"
    fi
    say "Try: atomikctl info; atomikctl run --help. Something wrong? atomikctl doctor."
}
