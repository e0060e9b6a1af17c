// SPDX-License-Identifier: MIT OR Apache-2.0

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::failure::{Failure, chain};

/// The options by which a server is found, and this program is known there.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "NATS")]
pub struct Nats {
    /// The server, or several of one cluster; a user and password or a token may be in the URL
    #[arg(
        long = "nats",
        value_name = "URL",
        env = "NATS_URL",
        hide_env_values = true,
        value_delimiter = ',',
        default_value = "nats://127.0.0.1:4222"
    )]
    urls: Vec<String>,
    /// A credentials file, with a user's JWT and its key
    #[arg(long, value_name = "FILE", env = "NATS_CREDS")]
    creds: Option<PathBuf>,
    /// Use TLS, and trust servers by this authority's certificates besides those of the system
    #[arg(long, value_name = "FILE", env = "NATS_CA")]
    tls_ca: Option<PathBuf>,
    /// The certificate by which the server knows this program
    #[arg(long, value_name = "FILE", env = "NATS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", env = "NATS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// The time for a connection, with the server's greeting and the login.
const CONNECTING: Duration = Duration::from_secs(10);

/// The time between two pings. It is shorter than that between any other requests of an idle agent,
/// each of which puts the next ping off.
const PING: Duration = Duration::from_secs(5);

/// A connection that isn't made anew when it breaks: whoever uses it notices, and decides.
pub struct Connected {
    pub client: Client,
    /// What happens to it.
    pub events: UnboundedReceiver<Event>,
}

impl Nats {
    /// Connects to one of the servers.
    pub async fn connect(&self) -> Result<Connected, Failure> {
        self.check_files()?;
        let (sender, events) = unbounded_channel();
        let mut options = ConnectOptions::new()
            .name("atomik-replicate")
            // Two pings without an answer are a connection that is dead.
            .ping_interval(PING)
            // Each server is tried once.
            .max_reconnects(self.urls.len())
            .event_callback(move |event| {
                // Nobody listens any more where the connection has been given up.
                let _ = sender.send(event);
                async {}
            });
        options = match self.login()? {
            Some(Login::User(name, password)) => options.user_and_password(name, password),
            Some(Login::Token(token)) => options.token(token),
            None => options,
        };
        if let Some(file) = &self.creds {
            options = (options.credentials_file(file).await).map_err(|error| {
                Failure::new(format!("can't read {}: {error}", file.display())).finally()
            })?;
        }
        if let Some(file) = &self.tls_ca {
            options = options
                .add_root_certificates(file.clone())
                .require_tls(true);
        }
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            options = options
                .add_client_certificate(certificate.clone(), key.clone())
                .require_tls(true);
        }
        // A server that takes the connection and then says nothing would be waited for.
        let connecting = timeout(CONNECTING, options.connect(&self.urls));
        let connected = connecting.await.map_err(|_| {
            Failure::new("can't connect to NATS: the server doesn't answer")
                .with_hint("is it a server of NATS, and does the network lead to it?")
        })?;
        let client = connected.map_err(|error| {
            Failure::new(format!("can't connect to NATS: {}", chain(&error)))
                .with_hint(hint(&error))
        })?;
        Ok(Connected { client, events })
    }

    /// The login that the URLs have: a name and a password, or a token alone. The client doesn't
    /// look for it there.
    fn login(&self) -> Result<Option<Login>, Failure> {
        for url in &self.urls {
            let address: ServerAddr = url.parse().map_err(|error: io::Error| {
                Failure::usage(format!("{error}")).with_hint("it is such as nats://HOST:4222")
            })?;
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            if let Some(name) = address.username() {
                return Ok(Some(match address.password() {
                    Some(password) => Login::User(decoded(name), decoded(password)),
                    None => Login::Token(decoded(name)),
                }));
            }
        }
        Ok(None)
    }

    /// Names a file that can't be read, which the client doesn't.
    fn check_files(&self) -> Result<(), Failure> {
        let files = [&self.creds, &self.tls_ca, &self.tls_cert, &self.tls_key];
        for file in files.into_iter().flatten() {
            File::open(file).map_err(|error| {
                Failure::new(format!("can't read {}: {error}", file.display())).finally()
            })?;
        }
        Ok(())
    }
}

/// The login in a URL.
#[derive(Debug, PartialEq, Eq)]
enum Login {
    User(String, String),
    Token(String),
}

/// The way out of a connection that can't be made.
fn hint(error: &ConnectError) -> &'static str {
    use ConnectErrorKind::{Authentication, AuthorizationViolation, Dns, Io, Tls};
    // A handshake that fails is of this kind.
    let cause = error.source().and_then(|e| e.downcast_ref::<io::Error>());
    let invalid = cause.is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData);
    match error.kind() {
        Authentication | AuthorizationViolation => {
            "the server knows another user: NATS_URL=nats://NAME:PASSWORD@HOST, or --creds FILE"
        }
        Tls => "check --tls-ca, --tls-cert and --tls-key",
        Io if invalid => "check --tls-ca, --tls-cert and --tls-key",
        Dns => "check the host's name in --nats URL",
        _ => "name the server by --nats URL; is it running?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nats(urls: &[&str]) -> Nats {
        Nats {
            urls: urls.iter().map(|url| url.to_string()).collect(),
            creds: None,
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
        }
    }

    fn login(urls: &[&str]) -> Result<Option<Login>, Failure> {
        nats(urls).login()
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        // Without anything to do, time passes at once.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = silent.local_addr().unwrap().to_string();
        let failure = runtime.block_on(nats(&[&url]).connect()).err().unwrap();
        let said = failure.to_string();
        assert!(said.contains("the server doesn't answer"), "{said}");
    }

    #[test]
    fn the_login_may_be_in_any_url() {
        let user = |name: &str, password: &str| Some(Login::User(name.into(), password.into()));
        assert_eq!(login(&["nats://a", "nats://b:4222"]).unwrap(), None);
        assert_eq!(login(&["nats://n:p@a"]).unwrap(), user("n", "p"));
        assert_eq!(
            login(&["a:1", "tls://n:p%20w%40@b"]).unwrap(),
            user("n", "p w@")
        );
        let token = Some(Login::Token("t0ken".into()));
        assert_eq!(login(&["nats://t0ken@a"]).unwrap(), token);
        assert!(login(&["x y"]).is_err());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let nats = Nats {
            tls_ca: Some("/nowhere/ca.pem".into()),
            ..nats(&["nats://a"])
        };
        let said = nats.check_files().unwrap_err().to_string();
        assert!(
            said.contains("can't read /nowhere/ca.pem: No such file"),
            "{said}"
        );
    }
}
