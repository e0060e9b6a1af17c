# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Which packages are missing. `needed` are those without which this run can't build; `wanted` those that let the
# next kernel's module be built. To be sourced.

needed=() wanted=()
# Seconds for which apt waits for another apt, such as unattended-upgrades.
apt_patience=900
# How packages are installed: none is removed for them.
apt_install=(apt-get install --yes --no-install-recommends --no-remove -o Dpkg::Use-Pty=0 -o "DPkg::Lock::Timeout=$apt_patience")

installed() {
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]
}

# apt_version PACKAGE [PREFIX]: the newest version that apt has of it, of those that begin with PREFIX.
apt_version() {
    apt-cache madison "$1" 2>/dev/null | awk -F' *[|] *' -v prefix="${2-}" 'index($2, prefix) == 1 && !found++ { print $2 }'
}

# need PACKAGE[=VERSION]…
need() {
    local package
    for package; do
        installed "${package%%=*}" || needed+=("$package")
    done
}

want() {
    local package
    for package; do
        installed "${package%%=*}" || wanted+=("$package")
    done
}

# pinned PACKAGE VERSION: as apt-get takes it; without a version where there is none to choose.
pinned() {
    echo "$1${2:+=$2}"
}

# from_package: whether our kernel is.
from_package() {
    dpkg-query -S "/lib/modules/$release" >/dev/null 2>&1 || dpkg-query -S "/usr/lib/modules/$release" >/dev/null 2>&1
}

# find_missing: fills both lists, and faults where the wrong compiler is in the way.
find_missing() {
    local version series flavour built_by number cc remedy rebuild=(bindgen clang bc bison flex libelf-dev libssl-dev xz-utils python3)
    [[ $release =~ ^([0-9]+\.[0-9]+) ]] && series=${BASH_REMATCH[1]}
    flavour=${release##*[0-9]-}

    need dkms make kmod pahole passwd
    if [[ $headers == /lib/modules/* && ! -e $headers/.config ]]; then
        if [[ -n $(apt_version "linux-headers-$release") ]] || from_package; then
            need "linux-headers-$release"
        else
            fault "the kernel $release is from no package, and the tree in which it was built is not $headers" \
                "Say where it was built: --kdir DIRECTORY"
        fi
    fi
    cc=$(kernel_config CONFIG_CC_VERSION_TEXT)
    cc=${cc%% *}
    # Debian's headers packages depend on their compiler; before they are installed its name may be unknown.
    if [[ -n $cc ]] && ! command -v "$cc" >/dev/null; then
        need "${cc#*-linux-gnu-}"
    fi

    built_by=$(kernel_config CONFIG_RUSTC_VERSION_TEXT)
    number=$(awk '{ print $2 }' <<<"$built_by")
    version=$(apt_version rustc "$number")
    if installed rustc; then
        if [[ -n $built_by && $(/usr/bin/rustc --version) != "$built_by" ]]; then
            remedy="Exchange it: apt-get install --allow-downgrades rustc=$version rust-src=$version"
            [[ -n $version ]] ||
                remedy="apt offers no rustc $number: add the suite that the kernel comes from to its sources, and run apt-get update"
            fault "the kernel was built by '$built_by', but /usr/bin/rustc is '$(/usr/bin/rustc --version)'" "$remedy"
        fi
    else
        need "$(pinned rustc "$version")"
    fi

    version=$(dpkg-query -W -f '${Version}' "linux-headers-$release" 2>/dev/null || apt_version "linux-headers-$release")
    if "$project/packaging/kernel-tree" --have "$release" --kdir "$headers" >/dev/null 2>&1; then
        if [[ ! -e $headers/rust/libkernel.rmeta ]]; then
            want rust-src "${rebuild[@]}"
        fi
    else
        rebuild_metadata=yes
        need "$(pinned rust-src "$(apt_version rust-src "$number")")" "${rebuild[@]}"
        [[ -e /usr/src/linux-source-$series.tar.xz ]] || need "$(pinned "linux-source-$series" "$version")"
    fi
    # With these, the next kernel comes with its headers and its source.
    if [[ -z $kdir && -n $version && ! -e $headers/rust/libkernel.rmeta ]]; then
        [[ -z $(apt_version linux-source "$version") ]] || want "linux-source=$version"
        if installed "linux-image-$flavour" && [[ -n $(apt_version "linux-headers-$flavour" "$version") ]]; then
            want "linux-headers-$flavour=$version"
        fi
    fi
    if [[ $atomikctl == build ]]; then
        command -v cargo >/dev/null || need cargo
        # Without these it can fetch nothing.
        need ca-certificates
    fi
}

# obstacle PACKAGE…: why apt can't install them, or would have to remove others for them; nothing where it can.
obstacle() {
    local said why removed
    if ! said=$(apt-get install --simulate --yes --no-install-recommends "$@" 2>&1); then
        # What apt says last is what is wrong; before it are explanations.
        why=$(sed -n '/unmet dependencies/,$ { /unmet dependencies/! s/^ *//p }; /^E: / p' <<<"$said" |
            awk '!said[$0]++' | paste -sd ' ')
        echo "${why:-apt-get failed: $(tail -n 1 <<<"$said")}"
        return
    fi
    removed=$(sed -n 's/^Remv \([^ ]*\).*/\1/p' <<<"$said" | paste -sd ' ')
    [[ -z $removed ]] || echo "apt would have to remove $removed"
}

# check_packages: whether apt installs what is missing. What only later kernels need is left out where it doesn't.
check_packages() {
    local package why unknown=()
    for package in "${needed[@]}"; do
        # Names that apt only knows from other packages have no version to install.
        [[ -n $(apt_version "${package%%=*}") ]] || unknown+=("$package")
    done
    if ((${#needed[@]} == 0)); then
        ok "packages"
    elif ! command -v apt-get >/dev/null; then
        fault "this machine has no apt to install packages with: ${needed[*]}" "Only Debian and its like are served."
        return
    elif ((${#unknown[@]})); then
        fault "apt does not offer ${unknown[*]}" "Run apt-get update, and add the suite that the kernel comes from (trixie-backports) to apt's sources"
    else
        why=$(obstacle "${needed[@]}")
        case $why in
        '') ok "apt offers what is missing: ${needed[*]}" ;;
        *' to remove '*)
            fault "$why, to install ${needed[*]}" \
                "If you can do without, remove it yourself, then run this again: apt-get remove ${why#*' to remove '}"
            ;;
        *)
            fault "apt can't install ${needed[*]}: $why" \
                "apt-get update brings newer versions, apt-get --fix-broken install ends what was interrupted, apt-mark showhold lists what is held back"
            ;;
        esac
    fi
    ((${#wanted[@]})) || return 0
    why=$(obstacle "${needed[@]}" "${wanted[@]}")
    if [[ -z $why || -z $deps ]]; then
        note "for later kernels, these packages are missing: ${wanted[*]}"
    else
        note "for later kernels, these packages are missing, but can't be installed: ${wanted[*]}. $why"
        wanted=()
    fi
}

# say_wait: whom apt waits for, if it does.
say_wait() {
    local holder
    holder=$(apt-get check 2>&1 | sed -n 's/.* It is held by \(process .*\)$/\1/p' | sed -n 1p || true)
    [[ -z $holder ]] || say "  waiting for apt's lock, which $holder has, for $((apt_patience / 60)) minutes at most"
}
