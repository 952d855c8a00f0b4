//! The answers during the trouble of a run, in place of those of the service.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use io::http::{Transport, TransportError};

use super::Line;
use crate::mutants::Mutant;
use crate::trouble::Kind as Trouble;
use crate::{lock, wire};

impl Line {
    /// The answer that the run's trouble gives in place of the service.
    pub(super) async fn in_trouble(
        &self,
        request: &Request<Bytes>,
        timeout: Duration,
    ) -> Option<Result<Response<Bytes>, TransportError>> {
        let outside = &self.outside;
        let trouble = (*lock(&outside.trouble))?;
        let client = match wire::basic(request) {
            Some(client) => client,
            None => lock(&outside.seen)
                .tokens
                .get(wire::token(request)?)?
                .clone(),
        };
        let org = client.strip_prefix("client-of-")?;
        if !trouble.concerns(org, request.uri().path()) {
            return None;
        }
        let is_token = wire::is_token(request);
        let is_write = wire::written(request).is_some();
        let hangs = match trouble.kind {
            Trouble::Hangs
            | Trouble::HangingRegion
            | Trouble::HangingNeighbours
            | Trouble::HangingCampaign => true,
            Trouble::HangingTokens => is_token,
            Trouble::HangingReads => !is_token && !is_write,
            Trouble::HangingWrites
            | Trouble::HangingRegionWrites
            | Trouble::HangingCampaignWrites => is_write,
            _ => false,
        };
        if hangs {
            let is_done = is_write && wire::hash(&wire::text(request)).is_multiple_of(3);
            if is_done {
                let _ = outside.genesys.send(request.clone(), timeout).await;
            }
            tokio::time::sleep(timeout).await;
            // This mutant takes it for an answer.
            let is_served = outside.is(Mutant::ServeIll);
            return Some(if is_served {
                Ok(wire::error(503))
            } else {
                Err(TransportError::TimedOut)
            });
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
        match trouble.kind {
            Trouble::Outage => Some(Ok(wire::error(503))),
            Trouble::ForbiddenCampaign if outside.is(Mutant::CloseOrg) => {
                Some(Ok(wire::error(401)))
            }
            Trouble::ForbiddenCampaign => Some(Ok(wire::error(403))),
            Trouble::MissingCampaign => Some(Ok(wire::error(404))),
            Trouble::FailingCampaign => {
                tokio::time::sleep(Duration::from_millis(4_860).min(timeout)).await;
                Some(Ok(wire::error(503)))
            }
            // A 400 with a code that nobody knows.
            Trouble::FullCampaign if is_write => Some(Ok(wire::error(400))),
            Trouble::Refusing if is_token => None,
            Trouble::Refusing => {
                let mut refused = wire::error(429);
                let asked = HeaderValue::from_static("5");
                refused.headers_mut().insert(header::RETRY_AFTER, asked);
                Some(Ok(refused))
            }
            Trouble::Slow | Trouble::SlowCampaign => {
                tokio::time::sleep(Duration::from_millis(4_860).min(timeout)).await;
                None
            }
            _ => None,
        }
    }
}
