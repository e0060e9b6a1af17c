// SPDX-License-Identifier: MIT OR Apache-2.0

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::failure::Failure;

/// The lock by which one agent at a time serves a kernel table. It dies with the process.
///
/// It is an abstract unix socket, whose name is the table's incarnation, a random number: so it is
/// the same for all who have the table, whichever descriptor they have it by, and nothing stays
/// behind. Agents of different network namespaces don't see each other's; the protocol notices the
/// second one then.
pub struct Lock {
    _listener: UnixListener,
}

impl Lock {
    /// Takes the lock of the table of this incarnation.
    pub fn take(incarnation: u64) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new(format!("can't lock the table: {error}"));
        let address =
            SocketAddr::from_abstract_name(format!("atomik-replicate-{incarnation:016x}"))
                .map_err(|error| failed(&error))?;
        match UnixListener::bind_addr(&address) {
            Ok(listener) => Ok(Self {
                _listener: listener,
            }),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                Err(Failure::new("another agent serves this table already")
                    .with_hint("`atomik-replicate status` shows it"))
            }
            Err(error) => Err(failed(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_is_refused_as_long_as_the_first_lives() {
        let incarnation = getrandom::u64().unwrap();
        let first = Lock::take(incarnation).unwrap();
        assert!(Lock::take(incarnation).is_err());
        assert!(Lock::take(!incarnation).is_ok());
        drop(first);
        assert!(Lock::take(incarnation).is_ok());
    }
}
