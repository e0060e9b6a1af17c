// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runner's status and explanation, for each way in which a guest ends.

use crate::guest::{Outcome, status};
use atomik_guest::log;
use atomik_guest::protocol::End;

/// The kernel complained.
pub const COMPLAINT: u8 = 99;
/// The status of `timeout`.
pub const TIMED_OUT: u8 = 124;
/// There was no guest to run the command.
pub const NO_GUEST: u8 = 125;
/// The status of a shell.
pub const NO_COMMAND: u8 = 127;

#[derive(Debug)]
pub struct Verdict {
    pub status: u8,
    /// Absent where the status is the command's own.
    pub explanation: Option<String>,
    /// Whether the kernel's log may say more.
    pub log_matters: bool,
}

/// `messages` are QEMU's.
pub fn judge(outcome: &Outcome, text: &str, messages: &str) -> Verdict {
    let mut complaint = String::new();
    if !log::complaints(text).is_empty() {
        complaint.push_str("the guest's kernel complained");
    } else if let Outcome::Ended(report) = outcome {
        let taints = log::taints(report.tainted);
        if !taints.is_empty() {
            complaint = format!("the guest's kernel is tainted ({})", taints.join(", "));
        }
    }
    if !complaint.is_empty() {
        if let Outcome::Ended(report) = outcome {
            complaint.push_str(&format!("; the command {}", words(&report.end)));
        }
        return Verdict {
            status: COMPLAINT,
            explanation: Some(with(&complaint, text)),
            log_matters: true,
        };
    }

    let said = match messages.trim() {
        "" => "nothing",
        messages => messages,
    };
    let (status, explanation) = match outcome {
        Outcome::Ended(report) => {
            let explanation = match &report.end {
                End::NotRun(_) => Some(format!("the command {}", words(&report.end))),
                _ => None,
            };
            (status(&report.end), explanation)
        }
        Outcome::BootHung => (
            NO_GUEST,
            Some(with(
                "the guest was not up in time; --boot-timeout SECONDS gives it more. See where it \
                 stands with --verbose --append loglevel=8; with KVM in use, try --accel tcg",
                text,
            )),
        ),
        Outcome::BootDied => (
            NO_GUEST,
            Some(with("the guest ended before its init had answered", text)),
        ),
        Outcome::NotReady => (
            NO_GUEST,
            Some(with("the module was not loaded in time", text)),
        ),
        Outcome::TimedOut => (
            TIMED_OUT,
            Some("the command was not done in time; --timeout SECONDS gives it more".into()),
        ),
        Outcome::Failed(why) => (NO_GUEST, Some(with(why, text))),
        Outcome::Refused => (
            NO_GUEST,
            Some(format!("QEMU started no guest, and said: {said}")),
        ),
        Outcome::Died => (
            NO_GUEST,
            Some(with(
                &format!("QEMU ended before the command did, and said: {said}"),
                text,
            )),
        ),
        Outcome::Interrupted(signal) => (
            128 + *signal as u8,
            Some(format!("interrupted by {signal}")),
        ),
        Outcome::Escaped => (NO_GUEST, Some("the guest was ended by Ctrl-]".into())),
    };
    let log_matters = matches!(
        outcome,
        Outcome::BootHung
            | Outcome::BootDied
            | Outcome::NotReady
            | Outcome::TimedOut
            | Outcome::Failed(_)
            | Outcome::Died
    );
    Verdict {
        status,
        explanation,
        log_matters,
    }
}

fn with(what: &str, text: &str) -> String {
    if text.is_empty() {
        return format!("{what}. The kernel's log is empty");
    }
    format!("{what}. From the kernel's log:\n{}", log::excerpt(text))
}

fn words(end: &End) -> String {
    match end {
        End::Exited(status) => format!("exited with {status}"),
        End::Killed(signal) => format!("was killed by signal {signal}"),
        End::NotRun(errno) => format!(
            "could not be run: {}",
            nix::errno::Errno::from_raw(*errno).desc()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use atomik_guest::protocol::Report;

    fn ended(end: End, tainted: u64) -> Outcome {
        Outcome::Ended(Report {
            end,
            stdout: 0,
            stderr: 0,
            tainted,
            memory_available_kib: 0,
        })
    }

    #[test]
    fn a_quiet_run_has_the_status_of_its_command() {
        for (end, status) in [
            (End::Exited(0), 0),
            (End::Exited(7), 7),
            (End::Killed(9), 137),
        ] {
            let verdict = judge(&ended(end, 0x3000), "[1.0] fine\n", "");
            assert_eq!((verdict.status, verdict.explanation), (status, None));
        }
        assert_eq!(judge(&ended(End::NotRun(2), 0), "", "").status, 127);
        assert_eq!(judge(&ended(End::NotRun(13), 0), "", "").status, 126);
    }

    #[test]
    fn a_complaint_outweighs_everything() {
        for outcome in [
            ended(End::Exited(0), 0),
            Outcome::Died,
            Outcome::TimedOut,
            Outcome::BootHung,
            Outcome::BootDied,
            Outcome::NotReady,
            Outcome::Failed("x".into()),
        ] {
            let verdict = judge(&outcome, "[1.0] BUG: bad\n", "");
            assert_eq!(verdict.status, COMPLAINT);
            assert!(verdict.explanation.unwrap().contains("BUG: bad"));
        }
        let verdict = judge(&ended(End::Exited(3), 512), "[1.0] fine\n", "");
        assert_eq!(verdict.status, COMPLAINT);
        assert!(verdict.explanation.unwrap().contains("exited with 3"));
    }

    #[test]
    fn only_a_boot_without_an_answer_is_repeated() {
        assert!(Outcome::BootHung.is_failed_boot() && Outcome::BootDied.is_failed_boot());
        for outcome in [
            ended(End::Exited(1), 0),
            Outcome::Refused,
            Outcome::NotReady,
            Outcome::TimedOut,
            Outcome::Failed("x".into()),
            Outcome::Died,
            Outcome::Escaped,
        ] {
            assert!(!outcome.is_failed_boot(), "{outcome:?}");
        }
    }

    #[test]
    fn without_a_guest_qemu_is_quoted() {
        for outcome in [Outcome::Refused, Outcome::Died] {
            let verdict = judge(&outcome, "", "no such machine\n");
            assert_eq!(verdict.status, NO_GUEST);
            assert!(verdict.explanation.unwrap().contains("no such machine"));
        }
    }
}
