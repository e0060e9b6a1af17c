# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Makes kernels without a kernel in them, and packages. To be sourced, by root on a machine for
# tests.

# kernel RELEASE [RUSTC [CC]]: a kernel, and headers with Rust metadata that make an empty module.
kernel() {
    local headers=/usr/src/linux-headers-$1
    mkdir -p "$headers"/{include/config,rust} "/lib/modules/$1"
    printf '%s\n' CONFIG_RUST=y "CONFIG_RUSTC_VERSION_TEXT=\"${2:-$(rustc --version)}\"" \
        "CONFIG_CC_VERSION_TEXT=\"${3:-gcc-14} (Debian) 14.2.0\"" >"$headers/.config"
    cp "$headers/.config" "$headers/include/config/auto.conf"
    touch "$headers"/{rust/libkernel.rmeta,Module.symvers} "/lib/modules/$1"/modules.{order,builtin}
    # shellcheck disable=SC2016 # make's
    printf 'modules:\n\t$(CC) -c -x c /dev/null -o $(M)/atomik.ko\n' >"$headers/Makefile"
    ln -s "$headers" "/lib/modules/$1/build"
}

# package NAME [FIELD…]: a package of the files in /tmp/deb/NAME, as /tmp/deb/NAME.deb.
package() {
    mkdir -p "/tmp/deb/$1/DEBIAN"
    printf '%s\n' "Package: $1" 'Version: 1' 'Architecture: all' 'Description: a' \
        'Maintainer: A <a@example.invalid>' "${@:2}" >"/tmp/deb/$1/DEBIAN/control"
    dpkg-deb -Znone --build "/tmp/deb/$1" >/dev/null
}

# headers_package RELEASE: a kernel's headers as a package, which does what Debian's do.
headers_package() {
    local at=/tmp/deb/linux-headers-$1
    mkdir -p "$at"/{DEBIAN,usr/src}
    mv "/usr/src/linux-headers-$1" "$at/usr/src"
    printf '#!/bin/sh\nrun-parts --exit-on-error --arg=%s /etc/kernel/header_postinst.d\n' "$1" \
        >"$at/DEBIAN/postinst"
    chmod 755 "$at/DEBIAN/postinst"
    package "linux-headers-$1"
}

# offer NAME…: lets apt have these packages, and nothing else.
offer() {
    local name
    cd /tmp/deb
    rm -rf /etc/apt/sources.list*
    echo 'deb [trusted=yes] file:/tmp/deb ./' >/etc/apt/sources.list
    echo 'APT::Sandbox::User "root";' >/etc/apt/apt.conf.d/sandbox
    for name; do
        dpkg-deb --field "$name.deb"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$name.deb" "$(stat -c %s "$name.deb")" \
            "$(sha256sum <"$name.deb" | cut -d ' ' -f 1)"
    done >Packages
    apt-get update >/dev/null
    cd ~alice/atomik
}
