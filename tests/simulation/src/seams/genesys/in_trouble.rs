//! The answers during the trouble of a run, in place of those of the service.
//!
//! `crate::trouble` says what each trouble is.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use io::http::{Transport, TransportError};
use tokio::time::sleep;

use super::GenesysTransport;
use crate::mutants::Mutant;
use crate::trouble::{Trouble, TroubleKind};
use crate::{lock, wire};

type Answer = Result<Response<Bytes>, TransportError>;

/// The time that a slow answer takes beyond the usual one.
const SLOW: Duration = Duration::from_millis(4_860);

impl GenesysTransport {
    /// The answer that the run's trouble gives in place of the service. `None` means that the
    /// service answers.
    pub(super) async fn in_trouble(
        &self,
        request: &Request<Bytes>,
        timeout: Duration,
    ) -> Option<Answer> {
        let trouble = self.trouble_of(request)?;
        if hangs(trouble.kind, request) {
            return Some(self.no_answer(request, timeout).await);
        }
        sleep(Duration::from_millis(40)).await;
        let status = match trouble.kind {
            TroubleKind::Outage => 503,
            TroubleKind::ForbiddenCampaign if self.outside.has_defect(Mutant::CloseOrg) => 401,
            TroubleKind::ForbiddenCampaign => 403,
            TroubleKind::MissingCampaign => 404,
            TroubleKind::FailingCampaign => {
                sleep(SLOW.min(timeout)).await;
                503
            }
            // The 400 has a code that nobody knows.
            TroubleKind::FullCampaign if wire::written(request).is_some() => 400,
            TroubleKind::Refusing if !wire::is_token(request) => 429,
            TroubleKind::Slow | TroubleKind::SlowCampaign => {
                sleep(SLOW.min(timeout)).await;
                return None;
            }
            _ => return None,
        };
        let mut answer = wire::error(status);
        if status == 429 {
            let wait = HeaderValue::from_static("5");
            answer.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        Some(Ok(answer))
    }

    /// The present trouble, if it concerns this request.
    fn trouble_of(&self, request: &Request<Bytes>) -> Option<Trouble> {
        let trouble = (*lock(&self.outside.trouble))?;
        let client = match wire::client_of_token_request(request) {
            Some(client) => client,
            None => lock(&self.outside.seen)
                .tokens
                .get(wire::token(request)?)?
                .clone(),
        };
        let org = client.strip_prefix("client-of-")?;
        let is_concerned = trouble.concerns(org, request.uri().path());
        is_concerned.then_some(trouble)
    }

    /// Some writes are carried out all the same.
    async fn no_answer(&self, request: &Request<Bytes>, timeout: Duration) -> Answer {
        let is_write = wire::written(request).is_some();
        if is_write && wire::hash(&wire::text(request)).is_multiple_of(3) {
            let _ = self.outside.genesys.send(request.clone(), timeout).await;
        }
        sleep(timeout).await;
        // With this mutant the product treats the fault as an answer.
        if self.outside.has_defect(Mutant::ServeIll) {
            Ok(wire::error(503))
        } else {
            Err(TransportError::TimedOut)
        }
    }
}

/// Whether a request is not answered in a trouble of this kind.
fn hangs(kind: TroubleKind, request: &Request<Bytes>) -> bool {
    let is_token = wire::is_token(request);
    let is_write = wire::written(request).is_some();
    match kind {
        TroubleKind::Hangs
        | TroubleKind::HangingRegion
        | TroubleKind::HangingNeighbours
        | TroubleKind::HangingCampaign => true,
        TroubleKind::HangingTokens => is_token,
        TroubleKind::HangingReads => !is_token && !is_write,
        TroubleKind::HangingWrites
        | TroubleKind::HangingRegionWrites
        | TroubleKind::HangingCampaignWrites => is_write,
        _ => false,
    }
}
