// SPDX-License-Identifier: MIT OR Apache-2.0

use anyhow::Result;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

/// The network as one guest has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Bytes pass.
    Up,
    /// Nothing passes, and nobody is told. Connections go on once it is up again.
    Silent,
    /// Connections end, and new ones do so at once.
    Down,
}

/// Passes connections of a guest on to servers of the host, and cuts it off.
///
/// Its ports are open till the process ends.
#[derive(Clone)]
pub struct Proxy(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    network: Network,
    /// Both ends of all connections. Those that have ended are forgotten when the network is down.
    streams: Vec<TcpStream>,
}

impl Default for Proxy {
    fn default() -> Self {
        let state = State {
            network: Network::Up,
            streams: Vec::new(),
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))
    }
}

impl Proxy {
    /// Opens a port of the loopback that leads to another one, and returns it.
    pub fn lead_to(&self, port: u16) -> Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let own = listener.local_addr()?.port();
        let shared = Arc::clone(&self.0);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                shared.accept(client, port);
            }
        });
        Ok(own)
    }

    /// Cuts the guest off, or lets it back.
    pub fn set(&self, network: Network) {
        let mut state = self.0.lock();
        state.network = network;
        if network == Network::Down {
            for stream in state.streams.drain(..) {
                // It may have ended.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with it")
    }

    /// Waits while the network is silent.
    fn wait(&self) -> MutexGuard<'_, State> {
        self.changed
            .wait_while(self.lock(), |state| state.network == Network::Silent)
            .expect("no thread panics with it")
    }

    /// Connects a client with a server. Whatever fails, the client sees the end of its connection.
    fn accept(self: &Arc<Self>, client: TcpStream, port: u16) {
        let connect = || -> std::io::Result<()> {
            let mut state = self.wait();
            if state.network == Network::Down {
                return Ok(());
            }
            let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            for stream in [&client, &server] {
                stream.set_nodelay(true)?;
                state.streams.push(stream.try_clone()?);
            }
            self.pass(client.try_clone()?, server.try_clone()?);
            self.pass(server, client.try_clone()?);
            Ok(())
        };
        if connect().is_err() {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// Passes bytes on till one of both ends.
    fn pass(self: &Arc<Self>, mut from: TcpStream, mut to: TcpStream) {
        let shared = Arc::clone(self);
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                drop(shared.wait());
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_waits_and_ends() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::default();
        let port = proxy.lead_to(server.local_addr().unwrap().port()).unwrap();
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut byte = [0];

        let mut client = connect();
        let mut peer = server.accept().unwrap().0;
        client.write_all(b"a").unwrap();
        peer.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"a");

        proxy.set(Network::Silent);
        peer.write_all(b"b").unwrap();
        client.set_nonblocking(true).unwrap();
        let error = client.read(&mut byte).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        client.set_nonblocking(false).unwrap();
        proxy.set(Network::Up);
        client.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"b");

        proxy.set(Network::Down);
        assert_eq!(client.read(&mut byte).unwrap_or(0), 0);
        assert_eq!(peer.read(&mut byte).unwrap_or(0), 0);
        assert_eq!(connect().read(&mut byte).unwrap_or(0), 0);

        proxy.set(Network::Up);
        let _client = connect();
        server.accept().unwrap();
    }
}
