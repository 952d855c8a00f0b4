//! An org's Genesys Cloud from the operator's machine, and what its answers tell beside their
//! bodies.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use bytes::Bytes;
use domain::change::OrgId;
use domain::failure::Failure;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use io::genesys::{Genesys, Org, Share, Shared};
use io::http::{Transport, TransportError};
use io::secrets::{SecretsError, SecretsManager};
use io::telemetry::Telemetry;
use io::{Chance, Clock, Config, Https};
use jiff::SignedDuration;

/// The client of Genesys Cloud, and the configuration of those of AWS.
pub(crate) async fn clients() -> Result<(Https, SdkConfig), String> {
    // First: the SDK would go on without TLS roots, and fail at each call.
    let https = https()?;
    Ok((https, io::aws::sdk_config().await))
}

/// The client of Genesys Cloud.
pub(crate) fn https() -> Result<Https, String> {
    Https::new().map_err(|error| error.to_string())
}

/// The org, with nothing known of it yet.
pub(crate) fn org(
    config: Config,
    sdk: &SdkConfig,
    transport: Arc<dyn Transport>,
    id: &OrgId,
) -> Arc<Org> {
    let shared = Shared {
        transport,
        secrets: Arc::new(SecretsManager::new(sdk)),
        clock: Clock::system(),
        chance: Chance::of_process(),
        telemetry: Telemetry::from_fn(|_| ()),
        config,
    };
    Genesys::new(Arc::new(shared), Share::Fifth).org(id)
}

/// What is missing where a person's own credentials may not read a secret.
pub(crate) const DENIED: &str = "your credentials may not read it, or not decrypt it: they need secretsmanager:GetSecretValue, and \
     kms:Decrypt where it has a KMS key of yours";

/// A failure as whoever runs the command meets it: no role of a function reads secrets here.
pub(crate) fn told(failure: &Failure) -> String {
    let of_a_function = SecretsError::Denied.to_string();
    failure.to_string().replace(&of_a_function, DENIED)
}

/// What the newest call of the API and its answer told.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// How many calls were made, without those for a token.
    pub(crate) calls: u64,
    /// The token that it was made with: to be compared, never shown.
    pub(crate) token: Option<HeaderValue>,
    /// By how much this machine's clock is ahead of the service's.
    pub(crate) ahead: Option<SignedDuration>,
    pub(crate) budget: Option<Budget>,
}

/// Calls of the OAuth client in this window (docs/genesys-cloud.md "Rate limit and retries").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) allowed: u64,
    pub(crate) count: u64,
    /// Seconds.
    pub(crate) reset: u64,
}

/// HTTPS, with a look at each answer's headers.
pub(crate) struct Watched {
    https: Https,
    seen: Mutex<Seen>,
}

impl Watched {
    pub(crate) fn new(https: Https) -> Arc<Watched> {
        Arc::new(Watched {
            https,
            seen: Mutex::default(),
        })
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self, request: &Request<Bytes>) {
        if !request.uri().path().starts_with("/api/") {
            return;
        }
        let mut seen = self.lock();
        seen.calls += 1;
        seen.token = request.headers().get(AUTHORIZATION).cloned();
        seen.budget = None;
    }

    fn look(&self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let number = |name| text(name)?.trim().parse().ok();
        let date = text("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let mut seen = self.lock();
        if let Some(date) = date {
            seen.ahead = Some(Clock::system().now().duration_since(date.timestamp()));
        }
        if let (Some(allowed), Some(count)) = (
            number("inin-ratelimit-allowed"),
            number("inin-ratelimit-count"),
        ) {
            seen.budget = Some(Budget {
                allowed,
                count,
                reset: number("inin-ratelimit-reset").unwrap_or(60),
            });
        }
    }
}

impl Transport for Watched {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            self.counts(&request);
            let answer = self.https.send(request, timeout).await?;
            self.look(answer.headers());
            Ok(answer)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use domain::failure::Kind;

    use super::*;

    #[test]
    fn whose_credentials_may_not_read_a_secret_is_told() {
        let denied = format!("secret s: {}", SecretsError::Denied);
        let told = told(&Failure::new(Kind::Refused, denied));
        assert_eq!(told, format!("secret s: {DENIED}"));
    }
}
