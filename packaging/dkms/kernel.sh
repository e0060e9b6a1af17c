# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Facts about a kernel: what its configuration says, and what building a Rust module for it takes.
# For install.sh, for the scripts that DKMS runs, and for the test bed. To be sourced.

# kernel_option CONFIG OPTION: its value in that configuration, without quotes; nothing where it is
# not set.
kernel_option() {
    zcat -f "$1" | sed -n "s/^$2=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p"
}

# kernel_series RELEASE: 7.3.4+deb13-amd64 is of the series 7.3. Fails where it is no release of a
# kernel.
kernel_series() {
    [[ $1 =~ ^([0-9]+\.[0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# kernel_source RELEASE: the archive of its source, as Debian's package installs it.
kernel_source() {
    echo "/usr/src/linux-source-$(kernel_series "$1").tar.xz"
}

# kernel_compiler CONFIG: the C compiler that built it.
kernel_compiler() {
    local version
    version=$(kernel_option "$1" CONFIG_CC_VERSION_TEXT)
    echo "${version%% *}"
}

# compiler_package COMPILER: x86_64-linux-gnu-gcc-14 is in gcc-14.
compiler_package() {
    echo "${1#*-linux-gnu-}"
}

# compiler_argument CONFIG: the argument by which make takes that compiler; nothing where it isn't
# installed, so that make takes its own.
compiler_argument() {
    local compiler
    compiler=$(kernel_compiler "$1")
    if [[ $(kernel_option "$1" CONFIG_CC_IS_CLANG) == y ]]; then
        echo LLVM=1
    elif command -v "$compiler" >/dev/null; then
        echo "CC=$compiler"
    fi
}

# kernel_arch CONFIG: the directory of arch/ in the kernel's source.
kernel_arch() {
    if [[ $(kernel_option "$1" CONFIG_ARM64) == y ]]; then
        echo arm64
    else
        echo x86
    fi
}

# cross_arguments CONFIG: the arguments by which make builds for a kernel of another machine than
# this one; nothing where it is of this one.
cross_arguments() {
    local arch compiler
    arch=$(kernel_arch "$1")
    compiler=$(kernel_compiler "$1")
    case $arch-$(uname -m) in
    x86-x86_64 | arm64-aarch64) ;;
    *) printf '%s\n' "ARCH=$arch" "CROSS_COMPILE=${compiler%%-gcc*}-" ;;
    esac
}

# has_metadata TREE: whether Rust modules can be built against it.
has_metadata() {
    [[ -e $1/rust/libkernel.rmeta && -e $1/Module.symvers ]]
}

# wrong_rust RELEASE CONFIG: why the rustc that is installed builds no module for the kernel;
# nothing where it does.
wrong_rust() {
    local built_by ours
    built_by=$(kernel_option "$2" CONFIG_RUSTC_VERSION_TEXT)
    ours=$(rustc --version 2>/dev/null) || ours='no rustc'
    if [[ $(kernel_option "$2" CONFIG_RUST) != y ]]; then
        echo "the kernel $1 is built without Rust (CONFIG_RUST)"
    elif [[ $ours != "$built_by" ]]; then
        echo "the kernel $1 was built by '$built_by', but this is '$ours'." \
            "The names of Rust symbols depend on it"
    fi
}

# prune_tree: leaves of the built tree in the current directory what modules are built with:
# headers, and the tools just made.
prune_tree() {
    rm -rf Documentation LICENSES block crypto drivers fs init io_uring ipc kernel lib mm net \
        samples security sound usr virt tools/perf tools/testing
    find arch -mindepth 1 -maxdepth 1 -type d ! -name "$(kernel_arch .config)" -exec rm -r {} +
}
