# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Debian packages: which are missing, and how they are installed. `needed` are those without which
# nothing can be built now; `wanted` those by which the next kernel's module can be built. To be
# sourced.

needed=() wanted=()
# Seconds for which apt waits for another apt, such as unattended-upgrades.
apt_wait=900
# No package is removed for another one.
apt_install=(apt-get install --yes --no-install-recommends --no-remove
    -o Dpkg::Use-Pty=0 -o "DPkg::Lock::Timeout=$apt_wait")

installed() {
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]
}

# apt_version PACKAGE [PREFIX]: the newest version that apt has of it, of those that begin with
# PREFIX.
apt_version() {
    apt-cache madison "$1" 2>/dev/null |
        awk -F' *[|] *' -v prefix="${2-}" 'index($2, prefix) == 1 && !found++ { print $2 }'
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

# pinned PACKAGE VERSION: both, as apt-get takes them; the package alone where the version is empty.
pinned() {
    echo "$1${2:+=$2}"
}

# is_packaged: whether the kernel for which we install is from a package.
is_packaged() {
    dpkg-query -S "/lib/modules/$release" >/dev/null 2>&1 ||
        dpkg-query -S "/usr/lib/modules/$release" >/dev/null 2>&1
}

# find_missing: fills both lists, and faults where the wrong rustc is installed.
find_missing() {
    local config compiler=''
    find_config
    [[ -z $config ]] || compiler=$(kernel_compiler "$config")
    need dkms make kmod pahole passwd
    if [[ $headers == /lib/modules/* && ! -e $headers/.config ]]; then
        if [[ -n $(apt_version "linux-headers-$release") ]] || is_packaged; then
            need "linux-headers-$release"
        else
            fault "the kernel $release is from no package, and has no build tree in $headers" \
                "Say where it was built: --kdir DIRECTORY"
        fi
    fi
    # Debian's headers packages depend on their compiler; before they are installed its name may be
    # unknown.
    if [[ -n $compiler && $(kernel_option "$config" CONFIG_CC_IS_CLANG) == y ]]; then
        need clang lld llvm
    elif [[ -n $compiler ]] && ! command -v "$compiler" >/dev/null; then
        need "$(compiler_package "$compiler")"
    fi
    find_rust
    if [[ $programs == build ]]; then
        command -v cargo >/dev/null || need cargo
        # Without these it can fetch nothing.
        need ca-certificates
    fi
}

# kernel_suite: where kernels with Rust come from: trixie's from its backports, later Debians' own.
kernel_suite() {
    local suite
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true)
    case $suite in
    '' | trixie) echo trixie-backports ;;
    *) echo "$suite" ;;
    esac
}

# find_rust: the part of find_missing about Rust and the kernel's metadata.
find_rust() {
    local version flavour built_by='' number remedy llvm
    local rebuild=(bindgen clang bc bison flex libelf-dev libssl-dev xz-utils python3)
    flavour=${release#*[0-9]-}
    if [[ -n $config ]]; then
        built_by=$(kernel_option "$config" CONFIG_RUSTC_VERSION_TEXT)
        # The kernel's helpers are inlined by a clang of rustc's LLVM (see Kbuild), of which
        # Debian's default may not be.
        llvm=$(kernel_option "$config" CONFIG_RUSTC_LLVM_MAJOR_VERSION)
        version=$(apt_version clang)
        [[ -z $llvm || $version == *:"$llvm".* || -z $(apt_version "clang-$llvm") ]] ||
            rebuild+=("clang-$llvm")
    fi
    number=$(awk '{ print $2 }' <<<"$built_by")
    version=$(apt_version rustc "$number")
    if ! installed rustc; then
        need "$(pinned rustc "$version")"
    elif [[ -n $built_by && $(/usr/bin/rustc --version) != "$built_by" ]]; then
        remedy="Exchange it: apt-get install --allow-downgrades rustc=$version rust-src=$version"
        [[ -n $version ]] ||
            remedy="apt offers no rustc $number: add the kernel's suite to its sources, and update"
        fault "the kernel was built by '$built_by', but this is '$(/usr/bin/rustc --version)'" \
            "$remedy"
    fi

    version=$(dpkg-query -W -f '${Version}' "linux-headers-$release" 2>/dev/null ||
        apt_version "linux-headers-$release")
    if ! "$project/packaging/dkms/tree" --have "$release" --kdir "$headers" >/dev/null 2>&1; then
        rebuild_metadata=yes
        need "$(pinned rust-src "$(apt_version rust-src "$number")")" "${rebuild[@]}"
        [[ -e $(kernel_source "$release") ]] ||
            need "$(pinned "linux-source-$(kernel_series "$release")" "$version")"
    elif ! has_metadata "$headers"; then
        want rust-src "${rebuild[@]}"
    fi
    # With these, the next kernel comes with its headers and its source.
    if [[ -z $kdir && -n $version ]] && ! has_metadata "$headers"; then
        [[ -z $(apt_version linux-source "$version") ]] || want "linux-source=$version"
        if installed "linux-image-$flavour" &&
            [[ -n $(apt_version "linux-headers-$flavour" "$version") ]]; then
            want "linux-headers-$flavour=$version"
        fi
    fi
}

# obstacle PACKAGE…: the reason why apt can't install them, or what it would have to remove for
# them.
obstacle() {
    local said why removed
    if ! said=$(apt-get install --simulate --yes --no-install-recommends "$@" 2>&1); then
        # The last lines say what is wrong.
        why=$(sed -n '/unmet dependencies/,$ { /unmet dependencies/! s/^ *//p }; /^E: / p' \
            <<<"$said" | awk '!said[$0]++' | paste -sd ' ')
        echo "${why:-apt-get failed: $(tail -n 1 <<<"$said")}"
        return
    fi
    removed=$(sed -n 's/^Remv \([^ ]*\).*/\1/p' <<<"$said" | paste -sd ' ')
    [[ -z $removed ]] || echo "apt would have to remove $removed"
}

# check_packages: faults what apt can't install. Packages that only later kernels need are left out
# instead.
check_packages() {
    local package why unknown=()
    for package in "${needed[@]}"; do
        # Names that apt only knows from other packages have no version to install.
        [[ -n $(apt_version "${package%%=*}") ]] || unknown+=("$package")
    done
    if ((${#needed[@]} == 0)); then
        ok "packages"
    elif ! command -v apt-get >/dev/null; then
        fault "this machine has no apt to install packages with: ${needed[*]}" \
            "Install them by hand; install.sh does so on Debian and its like only."
        return
    elif ((${#unknown[@]})); then
        fault "apt does not offer ${unknown[*]}" \
            "Add the kernel's suite ($(kernel_suite)) to apt's sources, and run apt-get update"
    else
        why=$(obstacle "${needed[@]}")
        case $why in
        '') ok "apt offers what is missing: ${needed[*]}" ;;
        *' to remove '*)
            fault "$why, to install ${needed[*]}" \
                "If you can do without: apt-get remove ${why#*' to remove '}; then run this again"
            ;;
        *)
            fault "apt can't install ${needed[*]}: $why" \
                "Try: apt-get update, apt-get --fix-broken install, apt-mark showhold"
            ;;
        esac
    fi
    ((${#wanted[@]})) || return 0
    why=$(obstacle "${needed[@]}" "${wanted[@]}")
    if [[ -z $why || -z $deps ]]; then
        note "for later kernels, these packages are missing: ${wanted[*]}"
    else
        note "for later kernels, these packages are missing, but can't be installed: \
${wanted[*]}. $why"
        wanted=()
    fi
}

# say_wait: tells for which process apt will wait, if for any.
say_wait() {
    local holder
    holder=$(apt-get check 2>&1 |
        sed -n 's/.* It is held by \(process .*\)$/\1/p' | sed -n 1p || true)
    [[ -z $holder ]] ||
        say "  waiting for apt's lock, which $holder has, for $((apt_wait / 60)) minutes at most"
}

install_packages() {
    [[ -n $deps ]] || return 0
    ((${#needed[@]} + ${#wanted[@]} == 0)) || say_wait
    if ((${#needed[@]})); then
        remember_packages "${needed[@]}"
        step "installing packages" "${apt_install[@]}" "${needed[@]}" ||
            {
                prune_packages
                die "apt-get could not install ${needed[*]}" \
                    "apt-get update, or apt-get --fix-broken install; then run this again"
            }
    fi
    if ((${#wanted[@]})); then
        remember_packages "${wanted[@]}"
        step "installing what later kernels need" "${apt_install[@]}" "${wanted[@]}" ||
            say "note: that failed. The module is built for $release all the same;" \
                "for later kernels, install ${wanted[*]}"
    fi
}

# remember_packages PACKAGE…: notes them for --uninstall, also where the installation fails.
remember_packages() {
    mkdir -p "$state"
    printf '%s\n' "${@%%=*}" >>"$state/packages"
}

# prune_packages: forgets the remembered ones that apt-get did not install before it failed.
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
