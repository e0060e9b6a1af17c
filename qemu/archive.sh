# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# What the test bed knows of Debian's archive: by which way it is reached, and what is to be done
# where a suite has gone stale or moved. Sourced by lib.sh, whose `cache` it uses.

# apt_options: the options of the host's apt by which it reaches the archive, and by which it takes
# one that is old, a line each. The mirror that the host uses may be the only one it can reach, and
# the same goes for a proxy.
apt_options() {
    apt-config dump 2>/dev/null |
        sed -nE 's/^(Acquire::(https?::[^:]*[Pp]roxy|Check-[A-Za-z-]+|Retries)) "(.*)";$/\1=\3/p'
}

# archive_trouble LOG: says which trouble with Debian's archive apt tells of in the log, and what to
# do; nothing where it tells of none.
archive_trouble() {
    local said mirror
    said=$(grep -m 1 -E "^E: (Release file for|The repository '.* Release' (does not|no longer)|\
Repository '.* changed its|Failed to fetch|Unable to locate package|Version '.*' for '.*' was not)|\
Could not resolve|Could not connect|Unable to connect|Temporary failure resolving" "$1") || return 0
    said=$(sed -E 's/^ *(E: )?//; s/([^.])$/\1./' <<<"$said")
    # shellcheck disable=SC2154 # lib.sh sets cache
    mirror="another mirror (that of this host's apt is taken when a root is made; later it stands\
 in $cache/root-*/etc/apt)"
    case $said in
    *'is expired'*)
        echo "$said Either this machine's clock is ahead (it says $(date -u +'%F %R')), or the" \
            "mirror is renewed no more. Set the clock, or take $mirror. To take the archive as it" \
            "is, put 'Acquire::Check-Valid-Until \"false\";' into a file of this host's" \
            "/etc/apt/apt.conf.d."
        ;;
    *'is not valid yet'*)
        echo "$said This machine's clock is behind: it says $(date -u +'%F %R'). Set it."
        ;;
    *'have a Release file'* | *'has a Release file'*)
        echo "$said The suite has moved, or the mirror never had it. Debian moves old suites to an" \
            "archive of its own: take that, or $mirror; or a newer version of this project, which" \
            "takes a newer suite."
        ;;
    *'changed its'*)
        echo "$said The suite has become another, as at Debian's releases. Remove its roots," \
            "$cache/root-*, so that they are made anew, and see whether a newer version of this" \
            "project knows the new suite."
        ;;
    *' 404 '* | *'Unable to locate'* | *'was not found'*)
        echo "$said The archive no longer has what apt's lists name. Run it again: that fetches" \
            "the lists anew. If it stays so, the mirror is being renewed, or not whole: wait an" \
            "hour, or take $mirror."
        ;;
    *)
        echo "$said The archive could not be reached: look after the network and the proxy, or" \
            "take $mirror."
        ;;
    esac
}
