// SPDX-License-Identifier: MIT OR Apache-2.0

//! The crate on the device: the vectors of 64 bits, as the device has no others, and the lines of
//! their README.

use atomik::Device;
use atomik_vectors::run::{OnDevice, Report, run};
use atomik_vectors::{FILES, readme, spoil};
use serde_json::Value as Json;

fn place() -> OnDevice {
    OnDevice(Device::open().unwrap())
}

#[test]
fn the_vectors_hold_on_the_device() {
    let place = place();
    let reports = FILES.map(|(name, text)| {
        let report = run(&place, text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        (name, report.ran, report.skipped)
    });
    assert_eq!(
        reports,
        [
            ("context", 3, 16),
            ("table", 3, 16),
            ("batch", 3, 10),
            ("stream", 5, 20),
            ("message", 0, 50),
            ("fingerprint", 3, 12),
            ("ordered_fingerprint", 4, 0),
            ("errors", 5, 28),
        ]
    );
}

#[test]
fn a_vector_that_is_changed_fails_on_the_device() {
    let place = place();
    // Messages don't go to the device.
    for (name, text) in FILES.iter().filter(|(name, _)| *name != "message") {
        let mut failed = 0;
        let mut file: Json = serde_json::from_str(text).unwrap();
        let cases = file["cases"].as_array_mut().unwrap();
        cases.retain(|case| case["width"] == 64);
        // The device doesn't count deltas. Some of each kind: the guest is emulated.
        let files = spoil::each_expectation(&file.to_string(), &["delta_count"]).unwrap();
        for file in files.iter().step_by(files.len() / 100 + 1) {
            match run(&place, file) {
                Err(_) => failed += 1,
                // Some of the refused tables don't exist on the device.
                Ok(Report { ran: 0, .. }) if *name == "errors" => {}
                Ok(report) => panic!("{name}: {report:?} of {file}"),
            }
        }
        assert!(failed > 0, "{name}");
    }
}

#[test]
fn the_lines_of_the_readme() {
    readme::on_the_device().unwrap();
}
