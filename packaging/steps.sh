# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# What install.sh does once nothing speaks against it. To be sourced.

child=''
why_not_used=''

# step TEXT COMMAND…: runs it with its output in the log, which is shown where it fails.
step() {
    local text=$1 started=$SECONDS status=0 log_of_dkms=/var/lib/dkms/atomik/$version/build/make.log
    shift
    say "  $text …"
    echo "== $text: $*" >>"$log"
    # In a process group of its own, so that all of it can be ended when we are.
    setsid "$@" >>"$log" 2>&1 </dev/null &
    child=$!
    wait "$child" || status=$?
    child=''
    if ((status)); then
        show_end "$log"
        if [[ $1 == dkms && -e $log_of_dkms ]]; then
            # It goes when this run is undone.
            cat "$log_of_dkms" >>"$log"
            show_end "$log_of_dkms"
        fi
        say "install.sh: '$*' failed with status $status; the lines above say why, all of them are in $log"
        say "disk space: $(df -h --output=target,avail / /usr /var | sed 1d | sort -u | awk '{ printf "%s%s has %s free", n++ ? ", " : "", $1, $2 }')"
        return "$status"
    fi
    ((SECONDS - started < 5)) || say "    done in $((SECONDS - started)) s"
}

# show_end FILE: its last lines, with the name of a log that stays for that of DKMS's.
show_end() {
    local line
    tail -n 20 "$1" | sed "s,$log_of_dkms,$log,g" | expand |
        while IFS= read -r line; do printable "    | $line"; done >&2
}

# abandon STATUS: on every end but the good one.
abandon() {
    trap '' INT TERM HUP
    [[ -z $child ]] || kill -- "-$child" 2>/dev/null || true
    [[ -z $child ]] || wait "$child" 2>/dev/null || true
    say "Taking back what was done so far."
    undo
    load_module || true
    local packages=''
    [[ ! -s $state/packages ]] || packages=", except for packages; see $state/packages"
    say "Nothing of this run is left$packages. Once the cause is mended, run it again."
    exit "$(($1 ? $1 : 1))"
}

# recover: after a run that was killed.
recover() {
    if [[ -e $journal ]]; then
        say "A run before this one was interrupted; taking back what it left."
        undo keep-metadata
    fi
}

in_manifest() {
    [[ -e $manifest ]] && grep -q "^file	$1	" "$manifest"
}

in_journal() {
    [[ -e $journal ]] && grep -q "^made	$1\$" "$journal"
}

# to_install: "MODE<tab>DESTINATION<tab>SOURCE<tab>keep" for each file, of those that exist in this tree.
to_install() {
    local mode source destination keep
    while read -r mode source destination keep; do
        [[ $mode != '#' ]] || continue
        case $source in
        @atomikctl) source=$atomikctl ;;
        @atomikctl:*) source=$generated/${source#*:} ;;
        *)
            source=$project/$source
            [[ -e $source ]] || continue
            ;;
        esac
        printf '%s\t%s\t%s\t%s\n' "$mode" "$destination" "$source" "$keep"
    done < <(grep -v '^#' "$project/packaging/files")
}

# generate_files: what the program itself writes of what is installed.
generate_files() {
    local source words
    rm -rf "$generated"
    mkdir -p "$generated"
    while read -r _ source _; do
        if [[ $source == @atomikctl:* ]]; then
            IFS=: read -r -a words <<<"${source#*:}"
            "$atomikctl" "${words[@]}" >"$generated/${source#*:}"
        fi
    done <"$project/packaging/files"
}

# find_atomikctl: a program that is already built of the present sources, or "build".
find_atomikctl() {
    local program
    for program in "$project"/target/guest/x86_64-unknown-linux-gnu/tool/atomikctl "$project/target/tool/atomikctl"; do
        if [[ -x $program ]] && [[ -z $(find "$project"/{userspace-tool/{lib,cli},module/logic,uapi/src,Cargo.lock} \
            -type f -newer "$program" -print -quit) ]]; then
            echo "$program"
            return
        fi
    done
    echo build
}

in_use() {
    users_of /dev/atomik | paste -sd' ' | sed 's/) /), /g'
}

# say_list TITLE WORD…: a title, and below it the words in lines that fit a terminal.
say_list() {
    say "$1"
    shift
    printable "$*" | fold -sw 90 | sed 's/^/      /' >&2
}

say_plan() {
    local files
    say "This will"
    ((${#needed[@]} + ${#wanted[@]} == 0)) || [[ -z $deps ]] ||
        say_list "  - install with apt" "${needed[@]}" "${wanted[@]}"
    [[ -z $rebuild_metadata ]] || say "  - rebuild the Rust metadata of $release, which its headers lack, in /var/cache/atomik (3 to 8 minutes, 2 GB for that time)"
    say "  - put the driver's source into $source_tree; DKMS builds it for $release now and for later kernels by itself"
    mapfile -t files < <(to_install | cut -f2)
    say_list "  - install" "${files[@]}"
    say "  - create the group atomik, whose members may use /dev/atomik${user:+, and add $user to it}"
    if [[ $release == "$(uname -r)" ]]; then
        say "  - load the module, and use the device once"
    else
        say "  - leave loading to the boot of $release, since $(uname -r) is running"
    fi
    say "  ./install.sh --uninstall removes all of it."
}

install_packages() {
    [[ -n $deps ]] || return 0
    ((${#needed[@]} + ${#wanted[@]} == 0)) || say_wait
    if ((${#needed[@]})); then
        remember_packages "${needed[@]}"
        step "installing packages" "${apt_install[@]}" "${needed[@]}" ||
            { prune_packages; die "apt-get could not install ${needed[*]}" "apt-get update, or apt-get --fix-broken install; then run this again"; }
    fi
    if ((${#wanted[@]})); then
        remember_packages "${wanted[@]}"
        step "installing what later kernels need" "${apt_install[@]}" "${wanted[@]}" ||
            say "note: that failed. The module is built for $release all the same; for later kernels, install ${wanted[*]}"
    fi
}

# remember_packages PACKAGE…: for --uninstall, and across failed runs.
remember_packages() {
    mkdir -p "$state"
    printf '%s\n' "${@%%=*}" >>"$state/packages"
}

# prune_packages: keeps of the remembered ones those that apt-get did install before it failed.
prune_packages() {
    local package kept=()
    while read -r package; do
        ! installed "$package" || kept+=("$package")
    done <"$state/packages"
    if ((${#kept[@]})); then
        printf '%s\n' "${kept[@]}" >"$state/packages"
    else
        rm -f "$state/packages"
    fi
}

# What DKMS needs of the project.
driver_sources=(Kbuild dkms.conf module uapi LICENSES packaging/{dkms-build,kernel-tree,kernel-metadata})

# strange_files DIRECTORY: what of it is neither a file nor a directory there.
strange_files() {
    (cd "$1" && find "${driver_sources[@]}" ! -type f ! -type d -printf '%p ')
}

# stage DIRECTORY: puts it there.
stage() {
    local strange
    mkdir -p "$1"
    (cd "$project" && cp -r --parents "${driver_sources[@]}" "$1")
    # Root builds of them from now on, so nothing may lead back to where others write.
    strange=$(strange_files "$1")
    [[ -z $strange ]] || die "where a file should be is a link or the like: ${strange% }" "put the files themselves there, as the project has them"
    # A clone may have been made with another umask.
    chmod -R u=rwX,go=rX "$1"
    chown -R root:root "$1"
}

dkms_versions() {
    find /var/lib/dkms/atomik -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null || true
}

# dkms_has VERSION: whether it is installed for our kernel.
dkms_has() {
    dkms status "atomik/$1" -k "$release" 2>/dev/null | grep -q ': installed'
}

# install_driver: sets driver_changed where it did something.
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
            # Undone last of these, when its sources are back.
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
    step "DKMS: building it" dkms build "atomik/$version" -k "$release" ${kdir:+--kernelsourcedir "$kdir"}
    step "DKMS: installing it" dkms install --force "atomik/$version" -k "$release"
}

install_files() {
    local mode destination source keep
    while IFS=$'\t' read -r mode destination source keep; do
        if [[ -e $destination ]]; then
            ! cmp -s "$source" "$destination" || continue
            # The administrator's, once it differs from what we put there.
            if [[ $keep == keep ]] && ! grep -q "^file	$destination	$(sum_of "$destination")\$" "$manifest" 2>/dev/null; then
                say "  $destination stays as you changed it"
                continue
            fi
        fi
        put "$mode" "$source" "$destination"
    done < <(to_install)
}

sum_of() {
    sha256sum "$1" | cut -d' ' -f1
}

install_group() {
    if ! getent group atomik >/dev/null; then
        announce group
        if command -v systemd-sysusers >/dev/null; then
            step "creating the group atomik" systemd-sysusers /etc/sysusers.d/atomik.conf
        else
            step "creating the group atomik" groupadd --system atomik
        fi
    fi
    if [[ -n $user ]] && ! getent group atomik | cut -d: -f4 | tr , '\n' | grep -qxF "$user"; then
        announce member "$user"
        # Without this one the installation is whole.
        step "adding $user to it" gpasswd --add "$user" atomik || user=''
    fi
}

build_atomikctl() {
    [[ $atomikctl == build ]] || return 0
    atomikctl=$project/target/tool/atomikctl
    # shellcheck disable=SC2016 # for the inner shell
    step "building atomikctl" "$project/packaging/as-owner" "$project" \
        bash -lc 'cd "$1" && CARGO_TARGET_DIR=target cargo build --profile tool --locked --package atomikctl' bash "$project" ||
        die "cargo could not build atomikctl" "build it where cargo works (cargo build --profile tool --locked --package atomikctl), then run this again"
}

secure_boot() {
    local state_file=/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
    [[ -r $state_file && $(od -An -tu1 -j4 -N1 "$state_file") -eq 1 ]]
}

# not_enrolled: whether Secure Boot will refuse what DKMS signs.
not_enrolled() {
    secure_boot && ! { command -v mokutil >/dev/null && mokutil --test-key /var/lib/dkms/mok.pub 2>/dev/null | grep -q 'already enrolled'; }
}

# load_module: loads what is installed, where something is.
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
            why_not_used="the driver from before is in use by $(in_use); the new one is loaded with the next boot, or by: modprobe -r atomik && modprobe atomik"
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
            die "/dev/atomik is $(stat -c '%a %U:%G' /dev/atomik) instead of 660 root:atomik" "look for another rule: udevadm test /sys/class/misc/atomik"
    fi
    local said
    said=$(printf 'create 1\nload 0 5\naccum 0 3\nread 0\n' | /usr/local/bin/atomikctl run 2>&1) ||
        die "the device does not work: $said" "dmesg | tail"
    [[ $said == *'read 0 = 0x0000000000000006'* ]] || die "the device gave a wrong answer: $said" "please report this, with dmesg"
    say "  used the device: 5 loaded, 3 folded in, 6 read"
}

write_manifest() {
    local destination path
    {
        printf 'version\t%s\n' "$version"
        while IFS=$'\t' read -r _ destination _; do
            printf 'file\t%s\t%s\n' "$destination" "$(keep_sum "$destination")"
        done < <(to_install)
        grep '^run' "$journal"
        # What an earlier run made is still ours.
        { grep -hE '^(directory|group|member|mok)' "$journal" "$manifest" 2>/dev/null || true; } | sort -u
    } >"$manifest.new"
    sync "$manifest.new"
    mv -T "$manifest.new" "$manifest"
}

# keep_sum DESTINATION: the sum of what we installed there last, which for a changed `keep` file is not what is there.
keep_sum() {
    local before
    before=$(awk -F'\t' -v path="$1" '$1 == "file" && $2 == path { print $3 }' "$manifest" 2>/dev/null || true)
    if [[ -n $before && -e $1 ]] && ! grep -qE "^(made|replaced)	$1(	|\$)" "$journal"; then
        echo "$before"
    else
        sum_of "$1"
    fi
}

install_all() {
    local old tree=/var/cache/atomik/kernel/$release
    SECONDS=0
    say "Installing:"
    install_packages
    build_atomikctl
    generate_files
    if [[ -n $rebuild_metadata ]]; then
        announce metadata "$tree"
        step "rebuilding the kernel's Rust metadata" "$project/packaging/kernel-tree" "$release" --kdir "$headers" ||
            die "without the metadata the module can't be built" "mend what the lines above say, or give a full build tree with --kdir"
    fi
    [[ -e /var/lib/dkms/mok.key ]] || announce mok
    install_driver
    install_files
    install_group
    use_device
    write_manifest
    # From here on the run has succeeded: an end leaves nothing to take back.
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
    if not_enrolled; then
        command -v mokutil >/dev/null || say "Install what enrols keys: apt-get install mokutil"
        say "Enrol DKMS's key once: mokutil --import /var/lib/dkms/mok.pub, reboot, choose 'Enroll MOK' and give the password."
    fi
    if [[ -n $user ]]; then
        say "$user is in the group atomik from the next login on."
    else
        say "To let a user use it, from the next login on: gpasswd --add USER atomik"
    fi
    say "Try: atomikctl info; atomikctl run --help. Something wrong? atomikctl doctor."
}

uninstall() {
    local users path kind first names='' versions packages
    packages=$(our_packages)
    [[ -z $packages ]] ||
        die "atomik is installed as Debian packages: $packages; nothing has been changed" "apt-get purge $packages"
    if [[ ! -e $manifest && ! -e $journal && -z $(dkms_versions) && ! -e /var/cache/atomik && ! -e $state ]]; then
        say "atomik is not installed."
        return
    fi
    users=$(in_use)
    [[ -z $users ]] ||
        die "/dev/atomik is in use by $users; nothing has been changed" "end them, since their tables would be lost with the module, then run this again"
    confirm "Remove atomik, its driver and its group?"
    recover
    say "Removing:"
    if [[ -d /sys/module/atomik ]]; then
        step "unloading the module" modprobe -r atomik ||
            die "the module can't be unloaded; nothing has been removed" "lsmod | grep atomik shows what holds it"
    fi
    # Whatever DKMS knows, also for other kernels. The manifest goes last: interrupted, this can be run again.
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
            groupdel atomik || say "note: the group atomik stays, since it is a user's own group; see: getent passwd"
        fi
    fi
    [[ ! -S /run/udev/control ]] || udevadm control --reload >>"$log" 2>&1 || true
    # Some may have failed, or have gone since.
    while read -r first; do
        ! installed "$first" || names+=" $first"
    done < <(sort -u "$state/packages" 2>/dev/null)
    rm -rf /var/cache/atomik "$state" "$log"
    say "atomik is removed."
    [[ -z $names ]] || say "These packages were installed for it; unless you need them: apt-get autoremove --purge$names"
}

# forget_mok: the key that DKMS made for us, where neither Secure Boot nor another module has come to need it.
forget_mok() {
    if secure_boot; then
        say "note: DKMS's key stays; to withdraw it: mokutil --delete /var/lib/dkms/mok.pub"
    elif [[ -z $(dkms status 2>/dev/null) ]]; then
        rm -f /var/lib/dkms/mok.key /var/lib/dkms/mok.pub
    fi
}
