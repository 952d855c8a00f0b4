//! One HTTP request in, one response out.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};

/// Why there is no response. Whether the request was carried out is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection, or it broke before the whole response was there.
    #[error("the connection was lost")]
    Lost,
    /// The whole response was not there in time.
    #[error("timed out")]
    TimedOut,
    /// The response is larger than any that is asked for: 16 MiB.
    #[error("the answer is larger than 16 MiB")]
    TooLarge,
}

/// A service that is ill must not fill the memory.
const MAX_BODY: usize = 16 << 20;

/// Carries requests to Genesys Cloud, or to a CRM's feed.
pub trait Transport: Send + Sync {
    /// Sends one request and reads its whole response, within `timeout`. Follows no redirect, repeats nothing.
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>>;
}

/// HTTP/1.1 over TLS, with connections kept open.
pub struct Https(reqwest::Client);

impl Https {
    /// No proxy variable is read and no redirect followed: a token goes where it belongs alone.
    ///
    /// # Errors
    /// When the machine has no usable TLS roots.
    pub fn new() -> Result<Https, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(2))
            // Shorter than a load balancer's idle timeout, so that a frozen copy does not wake to a dead connection.
            .pool_idle_timeout(Duration::from_secs(50))
            .user_agent(concat!("campaign-sync/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Https(client))
    }
}

impl Transport for Https {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let meaning = |error: reqwest::Error| {
                if error.is_timeout() { TransportError::TimedOut } else { TransportError::Lost }
            };
            let mut request = reqwest::Request::try_from(request).map_err(meaning)?;
            *request.timeout_mut() = Some(timeout);
            let mut answer = self.0.execute(request).await.map_err(meaning)?;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = answer.status();
            std::mem::swap(response.headers_mut(), answer.headers_mut());
            let mut body = BytesMut::new();
            while let Some(chunk) = answer.chunk().await.map_err(meaning)? {
                if body.len() + chunk.len() > MAX_BODY {
                    return Err(TransportError::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            *response.body_mut() = body.freeze();
            Ok(response)
        }
        .boxed()
    }
}
