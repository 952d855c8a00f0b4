//! The HTTPS client that all calls of this process share: those of Genesys Cloud, of a CRM's feed and of AWS.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::genesys::{Transport, TransportError};

/// Room for a first packet that is lost, and sent again after a second.
const CONNECT: Duration = Duration::from_millis(1_500);
/// Shorter than a load balancer's idle timeout, so that a frozen copy does not wake to a dead connection.
const IDLE: Duration = Duration::from_secs(50);
/// A service that is ill must not fill the memory.
const MAX_BODY: usize = 16 << 20;

/// HTTP/1.1 over TLS, with connections kept open. No proxy variable is read and no redirect followed: a token goes where
/// it belongs alone. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Https(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Https {
    /// Reads the machine's TLS roots.
    ///
    /// # Errors
    /// When the machine has none that can be used.
    pub fn new() -> std::io::Result<Https> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let tls = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().wrap_connector(tcp);
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).pool_timer(TokioTimer::new()).build(tls);
        Ok(Https(client))
    }

    /// Sends one request and reads its whole response, in whatever time that takes.
    pub(crate) async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let answer = self.0.request(request.map(Full::new)).await.map_err(|_| TransportError::Lost)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { TransportError::TooLarge } else { TransportError::Lost }
        })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

impl Transport for Https {
    fn send(
        &self,
        mut request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        const AGENT: HeaderValue = HeaderValue::from_static(concat!("campaign-sync/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, AGENT);
        let answer = tokio::time::timeout(timeout, self.answer(request));
        answer.map(|answer| answer.unwrap_or(Err(TransportError::TimedOut))).boxed()
    }
}
