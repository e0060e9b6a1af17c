// SPDX-License-Identifier: MIT OR Apache-2.0
//! What install.sh says where Secure Boot is on. A real one is in the scenario `secure-boot`.

use crate::debian::run;

/// Firmware whose variables SecureBoot and MokSBStateRT say 1 or 0, a mokutil that answers as the
/// real one does, and what install.sh says at its end.
fn say_enrolment(secure_boot: u8, off_in_shim: u8, mokutil: &str) -> crate::debian::Said {
    run(&format!(
        r#"variables=/sys/firmware/efi/efivars
mkdir -p $variables /usr/local/bin
printf '\6\0\0\0\{secure_boot}' >$variables/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
printf '\6\0\0\0\{off_in_shim}' >$variables/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23
answer='{mokutil}'
if [[ -n $answer ]]; then
    printf '#!/bin/sh\necho "$2 %s"\nexit %s\n' "${{answer#* }}" "${{answer%% *}}" \
        >/usr/local/bin/mokutil
    chmod 755 /usr/local/bin/mokutil
fi
. packaging/environment.sh
PATH=/usr/local/bin:$PATH
. packaging/install/messages.sh
. packaging/install/driver.sh
if not_enrolled; then say 'the module is not loaded now'; fi
say_enrolment"#
    ))
}

const IMPORT: &str = "    mokutil --import /var/lib/dkms/mok.pub\n";
const SCREEN: &str = "choose 'Enroll MOK', 'Continue', 'Yes'";

#[test]
fn an_unknown_key_is_to_be_imported_and_confirmed() {
    let said = say_enrolment(1, 0, "0 is not enrolled");
    said.succeeds_with(&["not loaded now", IMPORT, "Then reboot", SCREEN]);
    assert!(!said.text.contains("apt-get"));
}

#[test]
fn so_is_one_that_nobody_can_ask_for() {
    say_enrolment(1, 0, "").succeeds_with(&["not loaded now", "apt-get install mokutil\n", IMPORT]);
}

#[test]
fn a_requested_key_is_to_be_confirmed() {
    let said = say_enrolment(1, 0, "1 is already in the enrollment request");
    said.succeeds_with(&["not loaded now", "Reboot.", SCREEN]);
    assert!(!said.text.contains("--import"));
}

#[test]
fn else_there_is_nothing_to_do() {
    for (secure_boot, off_in_shim, mokutil) in [
        (0, 0, "0 is not enrolled"),
        (1, 1, "0 is not enrolled"),
        (1, 0, "1 is already enrolled"),
    ] {
        let said = say_enrolment(secure_boot, off_in_shim, mokutil);
        said.succeeds_with(&[]);
        assert_eq!(said.text, "");
    }
}
