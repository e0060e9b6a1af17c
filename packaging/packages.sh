# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Which packages are missing. `needed` are those without which this run can't build; `wanted` those that let the
# next kernel's module be built. To be sourced.

needed=() wanted=()

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

# find_missing: fills both lists, and faults where the wrong compiler is in the way.
find_missing() {
    local version series flavour built_by number cc rebuild=(bindgen clang bc bison flex libelf-dev libssl-dev xz-utils python3)
    [[ $release =~ ^([0-9]+\.[0-9]+) ]] && series=${BASH_REMATCH[1]}
    flavour=${release##*[0-9]-}

    need dkms make kmod pahole passwd
    if [[ $headers == /lib/modules/* && ! -e $headers/.config ]]; then
        need "linux-headers-$release"
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
            fault "the kernel was built by '$built_by', but /usr/bin/rustc is '$(/usr/bin/rustc --version)'" \
                "Exchange it: apt-get install --allow-downgrades rustc=${version:-$number} rust-src=${version:-$number}"
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
