//! The HTTPS client that all calls of this process share: those of Genesys Cloud, of a CRM's feed
//! and of AWS.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tower::timeout::Timeout;
use tower::util::BoxCloneSyncService;

/// Why there is no response. Whether the request was carried out is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection, or it broke before the whole response was there.
    #[error("no connection, or it was lost")]
    Lost,
    /// The whole response was not there in time.
    #[error("timed out")]
    TimedOut,
    /// The response is larger than any that is asked for: 16 MiB.
    #[error("the answer is larger than 16 MiB")]
    TooLarge,
}

/// Carries requests to Genesys Cloud, or to a CRM's feed.
pub trait Transport: Send + Sync {
    /// Sends one request and reads its whole response, within `timeout`. Follows no redirect,
    /// repeats nothing.
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>>;
}

const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("campaign-sync/", env!("CARGO_PKG_VERSION")));
/// From the name's look-up to the end of the TLS handshake.
const CONNECT: Duration = Duration::from_secs(2);
/// Shorter than a load balancer's idle timeout, so that a copy that was frozen rarely wakes to a
/// dead connection.
const IDLE: Duration = Duration::from_secs(50);
/// A service that is ill must not fill the memory.
const MAX_BODY: usize = 16 << 20;

/// No root certificate of the machine can be read, or none that can be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "no TLS root: expected the system's CA certificates (package ca-certificates), or SSL_CERT_FILE to name a file of them"
)]
pub struct NoRoots(#[source] std::io::Error);

type Connect = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, tower::BoxError>;

/// HTTP/1.1 over TLS, with connections kept open. No proxy variable is read and no redirect
/// followed: a token goes where it belongs alone. Only a request of which nothing was written,
/// since its kept connection had ended, goes over another one; everything else is for the caller to
/// repeat. Clones share their connections.
#[derive(Clone)]
pub struct Https {
    connector: HttpsConnector<HttpConnector>,
    client: Client<Connect, Full<Bytes>>,
}

impl Https {
    /// Reads the machine's TLS roots.
    ///
    /// # Errors
    /// When there is none.
    pub fn new() -> Result<Https, NoRoots> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Divided among the addresses of a name: one that is dead leaves time for the next.
        tcp.set_connect_timeout(Some(CONNECT));
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(NoRoots)?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        Ok(Https {
            client: client(connector.clone(), CONNECT),
            connector,
        })
    }

    /// The same with another time to connect, and with connections of its own.
    pub(crate) fn connecting_within(&self, time: Duration) -> Https {
        Https {
            client: client(self.connector.clone(), time),
            connector: self.connector.clone(),
        }
    }

    /// Sends one request and reads its whole response, in whatever time that takes once there is a
    /// connection.
    pub(crate) async fn answer(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, TransportError> {
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|_| TransportError::Lost)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map_err(|error| {
                if error.is::<LengthLimitError>() {
                    TransportError::TooLarge
                } else {
                    TransportError::Lost
                }
            })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Https")
    }
}

fn client(
    connector: HttpsConnector<HttpConnector>,
    time: Duration,
) -> Client<Connect, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(BoxCloneSyncService::new(Timeout::new(connector, time)))
}

impl Transport for Https {
    fn send(
        &self,
        mut request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        request.headers_mut().insert(header::USER_AGENT, AGENT);
        let answer = tokio::time::timeout(timeout, self.answer(request.map(Full::new)));
        answer
            .map(|answer| answer.unwrap_or(Err(TransportError::TimedOut)))
            .boxed()
    }
}
