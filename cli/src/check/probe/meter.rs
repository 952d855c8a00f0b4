//! What goes over the wire, counted.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use io::Https;
use io::http::{Transport, TransportError};

/// HTTPS that counts the calls of the API; those for a token are not counted.
pub(super) struct Meter {
    https: Https,
    seen: Mutex<Seen>,
}

/// Of the newest call.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) calls: u64,
    /// The token that it was made with: to be compared, never shown.
    pub(super) token: Option<HeaderValue>,
    /// `inin-ratelimit-count` of its answer.
    pub(super) count: Option<u64>,
}

impl Meter {
    pub(super) fn new(https: Https) -> Meter {
        Meter {
            https,
            seen: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }
}

impl Transport for Meter {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let is_counted = request.uri().path().starts_with("/api/");
            if is_counted {
                let token = request.headers().get(AUTHORIZATION).cloned();
                let mut seen = self.lock();
                let calls = seen.calls + 1;
                *seen = Seen {
                    calls,
                    token,
                    count: None,
                };
            }
            let answer = self.https.send(request, timeout).await?;
            if is_counted {
                let count = answer.headers().get("inin-ratelimit-count");
                let count = count.and_then(|count| count.to_str().ok()?.trim().parse().ok());
                self.lock().count = count;
            }
            Ok(answer)
        }
        .boxed()
    }
}
