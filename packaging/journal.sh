# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# What install.sh has made so far, and how to take it back. Each line of the journal is written before what it
# announces is done, so that a run that fails undoes everything, and one that was killed is undone by the next. The first
# is the run's id, which the manifest has too once the run has ended well. To be sourced.

state=/var/lib/atomik
journal=$state/journal
manifest=$state/manifest
# What is made only to be installed; it goes when the run ends, with what is kept for undoing it.
generated=$state/undo/generated

# announce KIND [WORD…]
announce() {
    mkdir -p "$state"
    [[ -s $journal ]] || printf 'run\t%s\n' "$(</proc/sys/kernel/random/uuid)" >"$journal"
    (IFS=$'\t' && printf '%s\n' "$*") >>"$journal"
    sync "$journal"
}

# backup PATH: keeps what is at PATH for the case that the run fails.
backup() {
    local copy=$state/undo/${1//\//%}
    announce replaced "$1" "$copy"
    mkdir -p "$state/undo"
    # Under its final name the copy is whole.
    rm -rf "$copy.part"
    cp -a "$1" "$copy.part"
    mv -T "$copy.part" "$copy"
}

# make_directory PATH: with the parents that are missing.
make_directory() {
    [[ ! -d $1 ]] || return 0
    make_directory "$(dirname "$1")"
    announce directory "$1"
    mkdir -m 755 "$1"
}

# put MODE SOURCE DESTINATION: installs one file, which is either the old or the new one, whole.
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

# committed: whether the journal is of a run that ended well and was killed before it could say so.
committed() {
    local run
    run=$(grep '^run' "$journal") && grep -qxF "$run" "$manifest" 2>/dev/null
}

forget_journal() {
    rm -rf "$journal" "$state/undo"
}

# undo [keep-metadata]: takes back what the journal announces, the last first. Steps that were never reached are
# not there, which is no fault.
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
            # The module that was there before, whose sources are back by now.
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
    # Only what is empty goes.
    rmdir /var/cache/atomik/kernel /var/cache/atomik "$state" 2>/dev/null || true
}

# dkms_forget VERSION: removes it from DKMS, also when DKMS was interrupted.
dkms_forget() {
    if command -v dkms >/dev/null; then
        dkms remove "atomik/$1" --all || true
    fi
    # What DKMS does not know any more, or not yet.
    rm -rf "/var/lib/dkms/atomik/$1"
    rmdir /var/lib/dkms/atomik 2>/dev/null || true
}
