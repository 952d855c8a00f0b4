//! Connects the operator's machine to an org's Genesys Cloud, and records what the headers of its
//! answers say.
//!
//! Commands use `org` for calls and `Watched` for the remaining budget and the clock. Retries and
//! the budget itself are in `io::genesys`.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use bytes::Bytes;
use domain::change::{CampaignId, OrgId};
use domain::failure::{Failure, Kind};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use io::genesys::{BudgetPart, Genesys, Org, Shared, UNKNOWN_CAMPAIGN};
use io::http::{Transport, TransportError};
use io::secrets::{Secrets, SecretsError, SecretsManager};
use io::telemetry::Telemetry;
use io::{Chance, Clock, Config, Https};
use jiff::SignedDuration;
use secrecy::SecretString;

/// The HTTPS client for Genesys Cloud, and the configuration of the AWS clients.
pub(crate) async fn clients() -> Result<(Https, SdkConfig), String> {
    // The HTTPS client comes first. Without TLS roots the SDK would start and then fail at every
    // call.
    let https = https()?;
    Ok((https, io::aws::sdk_config().await))
}

/// The HTTPS client for Genesys Cloud.
pub(crate) fn https() -> Result<Https, String> {
    Https::new().map_err(|error| error.to_string())
}

/// The org, of which nothing is known yet.
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
    Genesys::new(Arc::new(shared), BudgetPart::Fifth).org(id)
}

/// The advice if the operator's credentials may not read a secret.
pub(crate) const DENIED: &str = "your credentials may not read it, or not decrypt it: they need secretsmanager:GetSecretValue, and \
     kms:Decrypt where it has a KMS key of yours";

/// The text of an error for the person who runs the command. The text for functions speaks of a
/// role, and no role reads secrets here.
pub(crate) fn explained(error: &impl Display) -> String {
    let of_a_function = SecretsError::Denied.to_string();
    error.to_string().replace(&of_a_function, DENIED)
}

/// The text of a secret. An error names the secret.
pub(crate) async fn secret(secrets: &impl Secrets, name: &str) -> Result<SecretString, String> {
    let text = secrets.read(name).await;
    text.map_err(|error| format!("secret {name}: {}", explained(&error)))
}

/// The text of a failure of calls for a campaign, with what to do if Genesys Cloud has no such
/// campaign.
pub(crate) fn failed(org: &OrgId, campaign: &CampaignId, failure: &Failure) -> String {
    let advice = match failure.kind {
        Kind::UnknownCampaign => format!(": {UNKNOWN_CAMPAIGN}"),
        _ => String::new(),
    };
    format!(
        "org {org}, campaign {campaign}: {}{advice}",
        explained(failure)
    )
}

/// The state that the newest answer of the API reports.
#[derive(Clone, Default)]
pub(crate) struct WatchedCalls {
    /// How many calls were made, not counting those for a token.
    pub(crate) calls: u64,
    /// The token of the newest call. It is compared, and never shown.
    pub(crate) token: Option<HeaderValue>,
    /// How far this machine's clock is ahead of the service's clock.
    pub(crate) ahead: Option<SignedDuration>,
    pub(crate) budget: Option<ReportedBudget>,
}

/// The calls of the OAuth client in the present window (docs/genesys-cloud.md "Rate limit and
/// retries").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportedBudget {
    pub(crate) allowed: u64,
    pub(crate) count: u64,
    /// The time until the window ends, in seconds.
    pub(crate) reset: u64,
}

/// An HTTPS client that reads the headers of each answer.
pub(crate) struct Watched {
    https: Https,
    seen: Mutex<WatchedCalls>,
}

impl Watched {
    pub(crate) fn new(https: Https) -> Arc<Watched> {
        Arc::new(Watched {
            https,
            seen: Mutex::default(),
        })
    }

    pub(crate) fn seen(&self) -> WatchedCalls {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, WatchedCalls> {
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
            seen.budget = Some(ReportedBudget {
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
    use super::*;

    #[test]
    fn the_error_of_denied_credentials_names_the_permissions_they_need() {
        let denied = format!("secret s: {}", SecretsError::Denied);
        let told = explained(&Failure::new(Kind::Refused, denied));
        assert_eq!(told, format!("secret s: {DENIED}"));
    }
}
