# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Messages to people, and steps whose output goes to the log. To be sourced.

# printable TEXT…: prints it without the characters that a terminal would obey instead of showing:
# other users choose the names of their processes, and output of their programs is in the log.
printable() {
    local text=${*//[^[:print:]]/?}
    printf '%s\n' "${text//[$'\u061c\u200e\u200f\u2028'-$'\u202e\u2066'-$'\u2069']/?}"
}

say() { printable "$*" >&2; }

# die TEXT [REMEDY]
die() {
    say "install.sh: $1"
    [[ -z ${2-} ]] || say "hint: $2"
    exit 1
}

ok() { printable "  ok        $1" >&2; }

note() { printable "  note      $1" >&2; }

faults=0

# fault TEXT REMEDY
fault() {
    printable "  FAILED    $1" >&2
    printable "            $2" >&2
    faults=$((faults + 1))
}

# say_list TITLE WORD…: says the title, and below it the words in lines that fit a terminal.
say_list() {
    say "$1"
    shift
    printable "$*" | fold -sw 90 | sed 's/^/      /' >&2
}

# The process of the step that is being done.
child=''

# step TEXT COMMAND…: does the command with its output in the log, and shows the log where it fails.
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
            # DKMS's own log goes when the installation is undone.
            cat "$log_of_dkms" >>"$log"
            show_end "$log_of_dkms"
        fi
        say "install.sh: '$*' failed with status $status; the lines above say why; all are in $log"
        say "disk space: $(df -h --output=target,avail / /usr /var | sed 1d | sort -u |
            awk '{ printf "%s%s has %s free", n++ ? ", " : "", $1, $2 }')"
        return "$status"
    fi
    ((SECONDS - started < 5)) || say "    done in $((SECONDS - started)) s"
}

# show_end FILE: shows its last lines, in which the name of our log, which stays, replaces that of
# DKMS's.
show_end() {
    local line
    tail -n 20 "$1" | sed "s,$log_of_dkms,$log,g" | expand |
        while IFS= read -r line; do printable "    | $line"; done >&2
}
