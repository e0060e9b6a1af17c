# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# A journal of all that install.sh has made so far, and how to take it back. Each line of the
# journal is written before what it announces is done. So an installation that fails undoes
# everything, and one that was killed is undone by the next call. The first line is an id, which the
# manifest gets too once all has ended well. To be sourced.

state=/var/lib/atomik
journal=$state/journal
manifest=$state/manifest
# Files made only to be installed; they go at the end, with the copies kept for undoing.
generated=$state/undo/generated

# announce KIND [WORD…]
announce() {
    mkdir -p "$state"
    [[ -s $journal ]] || printf 'run\t%s\n' "$(</proc/sys/kernel/random/uuid)" >"$journal"
    (IFS=$'\t' && printf '%s\n' "$*") >>"$journal"
    sync "$journal"
}

# backup PATH: keeps a copy of what is there, for undoing.
backup() {
    local copy=$state/undo/${1//\//%}
    announce replaced "$1" "$copy"
    mkdir -p "$state/undo"
    # Under its final name the copy is whole.
    rm -rf "$copy.part"
    cp -a "$1" "$copy.part"
    mv -T "$copy.part" "$copy"
}

# make_directory PATH: makes it, and the parents that are missing.
make_directory() {
    [[ ! -d $1 ]] || return 0
    make_directory "$(dirname "$1")"
    announce directory "$1"
    mkdir -m 755 "$1"
}

# put MODE SOURCE DESTINATION: installs one file. At any time there is either the old one or the new
# one, whole.
put() {
    make_directory "$(dirname "$3")"
    if [[ -e $3 ]]; then
        backup "$3"
    else
        announce made "$3"
    fi
    announce made "$3.atomik-new"
    install -m "$1" "$2" "$3.atomik-new"
    mv -T "$3.atomik-new" "$3"
}

in_manifest() {
    [[ -e $manifest ]] && grep -q "^file	$1	" "$manifest"
}

in_journal() {
    [[ -e $journal ]] && grep -q "^made	$1\$" "$journal"
}

# committed: whether the journal is of an installation that was complete when it was killed.
committed() {
    local id
    id=$(grep '^run' "$journal") && grep -qxF "$id" "$manifest" 2>/dev/null
}

forget_journal() {
    rm -rf "$journal" "$state/undo"
}

# undo [keep-metadata]: takes back what the journal announces, the last first. A step that was
# announced and never reached is no fault.
undo() {
    local kind first second
    [[ -e $journal ]] || return 0
    if ! committed; then
        while IFS=$'\t' read -r kind first second; do
            case $kind in
            made) rm -rf "$first" ;;
            directory) rmdir "$first" ;;
            replaced)
                if [[ -e $second ]]; then
                    rm -rf "$first"
                    mv -T "$second" "$first"
                fi
                ;;
            dkms) dkms_forget "$first" ;;
            # The module of before, whose sources are back by now.
            dkms-before) dkms install --force "atomik/$first" -k "$second" ;;
            metadata) [[ ${1-} == keep-metadata ]] || rm -rf "$first" ;;
            mok) forget_mok ;;
            group) groupdel atomik ;;
            member) gpasswd --delete "$first" atomik ;;
            loaded) modprobe -r atomik ;;
            esac >>"$log" 2>&1 || true
        done < <(tac "$journal")
        rm -rf /var/cache/atomik/kernel/.making-*
    fi
    forget_journal
    # Directories go only when they are empty.
    rmdir /var/cache/atomik/kernel /var/cache/atomik "$state" 2>/dev/null || true
}

# abandon STATUS: takes everything back, at every end but the good one.
abandon() {
    trap '' INT TERM HUP
    [[ -z $child ]] || kill -- "-$child" 2>/dev/null || true
    [[ -z $child ]] || wait "$child" 2>/dev/null || true
    say "Taking back what was done so far."
    undo
    load_module || true
    local packages=''
    [[ ! -s $state/packages ]] || packages=", except for packages; see $state/packages"
    say "Nothing of it is left$packages. Once the cause is mended, run install.sh again."
    exit "$(($1 ? $1 : 1))"
}

# recover: takes back what a killed installation left.
recover() {
    if [[ -e $journal ]]; then
        say "An earlier installation was interrupted; taking back what it left."
        undo keep-metadata
    fi
}
