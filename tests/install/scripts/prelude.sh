# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# The beginning of each test's script, in a Debian of which only what belongs to the system is there
# yet: the user alice and her clone, with others in the place of its programs. The script goes on in
# that clone.

set -euo pipefail
umask 022
mkdir -p /etc /tmp /run /root /home /usr/src /usr/local /usr/lib/modules /var/tmp
mkdir -p /var/lib/{apt/lists/partial,dkms} /var/cache/apt/archives/partial /var/log/apt
chmod 1777 /tmp
# bwrap has made them for root alone.
chmod 755 /usr /usr/lib
cp -a /debian/etc /
cp -a /debian/var/lib/dpkg /var/lib/
useradd --create-home --shell /bin/bash alice
mkdir ~alice/atomik
cd /project
cp -r --parents install.sh dkms.conf Kbuild LICENSES Cargo.toml Cargo.lock \
    docs module uapi packaging sdk/c sdk/generator userspace-tool ~alice/atomik
cd ~alice/atomik
mkdir -p target/tool
for program in atomikctl atomik-replicate; do
    printf '#!/bin/sh\necho "%s $*"\n' "$program" >"target/tool/$program"
    chmod 755 "target/tool/$program"
done
chown -R alice: .
# shellcheck source=tests/install/scripts/make.sh
. /project/tests/install/scripts/make.sh
