// SPDX-License-Identifier: MIT OR Apache-2.0

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::failure::Failure;
use crate::metrics;

/// A server of metrics: HTTP, one path. Whoever has it answers each scrape.
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
    sender: mpsc::Sender<Scrape>,
    scrapes: mpsc::Receiver<Scrape>,
}

/// Somebody who wants the metrics, and waits.
pub struct Scrape(oneshot::Sender<Result<String, String>>);

const PATH: &str = "/metrics";

/// Scrapes that may wait at a time. More wait in their connections.
const WAITING: usize = 8;

impl MetricsServer {
    /// Listens at this address.
    pub async fn listen(address: SocketAddr) -> Result<Self, Failure> {
        let failed = |error| {
            Failure::new(format!("can't serve metrics at {address}: {error}"))
                .with_hint("choose another address by --metrics=ADDR")
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (sender, scrapes) = mpsc::channel(WAITING);
        Ok(Self {
            listener,
            address,
            sender,
            scrapes,
        })
    }

    /// The address of the metrics.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// The next scrape. It may be dropped before it is ready: nothing is lost.
    pub async fn next(&mut self) -> Scrape {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        tokio::spawn(serve(stream, self.sender.clone()));
                    }
                    // The peer has gone, or there are no descriptors for a while.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                },
                Some(scrape) = self.scrapes.recv() => return scrape,
            }
        }
    }
}

impl Scrape {
    /// Answers with the text of the metrics. One who has gone meanwhile doesn't matter.
    pub fn answer(self, text: String) {
        let _ = self.0.send(Ok(text));
    }

    /// Answers that there are none, and why.
    pub fn refuse(self, reason: impl std::fmt::Display) {
        let _ = self.0.send(Err(reason.to_string()));
    }
}

async fn serve(stream: TcpStream, sender: mpsc::Sender<Scrape>) {
    let service = service_fn(|request| respond(request, &sender));
    let connection = http1::Builder::new()
        // Without it, a peer that sends nothing would keep its connection for ever.
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // A peer that breaks the connection, or speaks no HTTP, is none to answer.
    let _ = connection.await;
}

async fn respond(
    request: Request<Incoming>,
    sender: &mpsc::Sender<Scrape>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, header, text) = match (request.uri().path(), request.method()) {
        (PATH, &Method::GET | &Method::HEAD) => {
            let (reply, answer) = oneshot::channel();
            let sent = sender.send(Scrape(reply)).await;
            match (sent, answer.await) {
                (Ok(()), Ok(Ok(text))) => {
                    (StatusCode::OK, (CONTENT_TYPE, metrics::CONTENT_TYPE), text)
                }
                (Ok(()), Ok(Err(reason))) => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, reason),
                _ => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, "ending".into()),
            }
        }
        (PATH, _) => {
            let text = "metrics are only read\n".into();
            (StatusCode::METHOD_NOT_ALLOWED, (ALLOW, "GET, HEAD"), text)
        }
        _ => {
            let text = format!("metrics are at {PATH}\n");
            (StatusCode::NOT_FOUND, PLAIN, text)
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let (name, value) = header;
    response
        .headers_mut()
        .insert(name, hyper::header::HeaderValue::from_static(value));
    Ok(response)
}

const PLAIN: (hyper::header::HeaderName, &str) = (CONTENT_TYPE, "text/plain; charset=utf-8");

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// The answer to a request, of a server whose metrics are these.
    fn answer(request: &str, metrics: Result<&str, &str>) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let any = "127.0.0.1:0".parse().unwrap();
            let mut server = MetricsServer::listen(any).await.unwrap();
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            let answer = stream.read_to_string(&mut text);
            tokio::pin!(answer);
            loop {
                tokio::select! {
                    scrape = server.next() => match metrics {
                        Ok(metrics) => scrape.answer(metrics.into()),
                        Err(reason) => scrape.refuse(reason),
                    },
                    read = &mut answer => {
                        read.unwrap();
                        break;
                    }
                }
            }
            text
        })
    }

    #[test]
    fn it_speaks_http() {
        let end = "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let found = answer(&format!("GET /metrics {end}"), Ok("a 1\n# EOF\n"));
        assert!(found.starts_with("HTTP/1.1 200 OK\r\n"), "{found}");
        assert!(found.contains("content-type: application/openmetrics-text; version=1.0.0"));
        assert!(found.ends_with("\r\n\r\na 1\n# EOF\n"), "{found}");
        for (request, status, part) in [
            ("GET /", "404 Not Found", "metrics are at /metrics"),
            (
                "POST /metrics",
                "405 Method Not Allowed",
                "allow: GET, HEAD",
            ),
            ("GET /metrics", "503 Service Unavailable", "no stream"),
        ] {
            let found = answer(&format!("{request} {end}"), Err("no stream"));
            assert!(
                found.starts_with(&format!("HTTP/1.1 {status}\r\n")),
                "{found}"
            );
            assert!(found.contains(part), "{found}");
        }
    }

    #[test]
    fn an_address_in_use_is_told_with_the_way_out() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let failure = runtime.block_on(MetricsServer::listen(address)).err();
        let said = failure.unwrap().to_string();
        assert!(
            said.contains(&format!("at {address}: Address already in use")),
            "{said}"
        );
    }
}
