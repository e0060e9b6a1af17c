// SPDX-License-Identifier: MIT OR Apache-2.0

//! The crate on the device: the vectors of 64 bits, as the device has no others, and the lines of
//! their README.

use atomik::Device;
use atomik_vectors::check::{OnDevice, Report, check};
use atomik_vectors::format::File;
use atomik_vectors::{FILES, change, readme};
use serde_json::Value as Json;

fn storage() -> OnDevice {
    OnDevice(Device::open().unwrap())
}

#[test]
fn the_vectors_hold_on_the_device() {
    let storage = storage();
    let reports = FILES.map(|(name, text)| {
        let report = File::parse(text).and_then(|file| check(&storage, &file));
        let report = report.unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        (name, report.held, report.skipped)
    });
    assert_eq!(
        reports,
        [
            ("context", 3, 16),
            ("table", 4, 24),
            ("batch", 5, 20),
            ("stream", 5, 20),
            ("state", 3, 12),
            ("message", 0, 50),
            ("packet", 0, 58),
            ("fingerprint", 3, 12),
            ("ordered_fingerprint", 4, 0),
            ("errors", 5, 28),
        ]
    );
}

#[test]
fn a_vector_that_is_changed_fails_on_the_device() {
    let storage = storage();
    // Messages don't go to the device.
    let of_messages = |name| ["message", "packet"].contains(name);
    for (name, text) in FILES.iter().filter(|(name, _)| !of_messages(name)) {
        let mut failed = 0;
        let mut file: Json = serde_json::from_str(text).unwrap();
        let cases = file["cases"].as_array_mut().unwrap();
        cases.retain(|case| case["width"] == 64);
        let mut changes = change::expectations(&file);
        // The device doesn't count deltas.
        changes.retain(|change| change.field != "delta_count");
        // Some of each kind: the guest is emulated.
        for change in changes.iter().step_by(changes.len() / 100 + 1) {
            match check(&storage, &change.case(&file).unwrap()) {
                Err(_) => failed += 1,
                // Some of the refused tables don't exist on the device.
                Ok(Report { held: 0, .. }) if *name == "errors" => {}
                Ok(report) => panic!("{name}: {report:?} of {change:?}"),
            }
        }
        assert!(failed > 0, "{name}");
    }
}

#[test]
fn the_lines_of_the_readme() {
    readme::on_the_device().unwrap();
}
