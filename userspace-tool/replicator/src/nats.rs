// SPDX-License-Identifier: MIT OR Apache-2.0

use std::path::PathBuf;

use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

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

/// A connection that isn't made anew when it breaks: whoever uses it notices, and decides.
pub struct Connected {
    pub client: Client,
    /// What happens to it.
    pub events: UnboundedReceiver<Event>,
}

impl Nats {
    /// Connects to one of the servers.
    pub async fn connect(&self) -> Result<Connected, Failure> {
        let (sender, events) = unbounded_channel();
        let mut options = ConnectOptions::new()
            .name("atomik-replicate")
            // Each server is tried once.
            .max_reconnects(self.urls.len())
            .event_callback(move |event| {
                // Nobody listens any more where the connection has been given up.
                let _ = sender.send(event);
                async {}
            });
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
        let client = options.connect(&self.urls).await.map_err(|error| {
            Failure::new(format!("can't connect to NATS: {}", chain(&error)))
                .with_hint("name the server by --nats URL; is it running?")
        })?;
        Ok(Connected { client, events })
    }
}
