//! One HTTP request in, one response out.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};

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
