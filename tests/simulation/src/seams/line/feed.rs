//! The way to the CRMs' feeds: the one of the form of its own, and those of vendors.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::http::{Transport, TransportError};

use crate::chaos::Kind;
use crate::seams::Outside;
use crate::story::feeds::Down;
use crate::wire;

/// What the host of an org's CRM ends with: of a vendor's, and of one of the form of its own.
pub(crate) const OF_VENDORS: &str = ".crm.test";
pub(crate) const OF_ITS_OWN: &str = ".own.test";

/// The way to a CRM's feed.
pub(crate) struct FeedLine(pub(crate) Arc<Outside>);

impl FeedLine {
    async fn carry(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let host = request.uri().host().unwrap_or_default();
        let is_own = host.ends_with(OF_ITS_OWN);
        let org = host
            .trim_end_matches(OF_ITS_OWN)
            .trim_end_matches(OF_VENDORS);
        match self.0.crms.get(org) {
            _ if self.0.is_down(Down::Feed, org) => Ok(wire::error(503)),
            _ if is_own => self.0.feed.send(request, timeout).await,
            Some(crm) => crm.send(request, timeout).await,
            None => Err(TransportError::Lost),
        }
    }
}

impl Transport for FeedLine {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let what = request.uri().path().to_owned();
            let Some(mut rng) = self.0.chaos.draw(Kind::FeedFault, &what) else {
                let shown = format!("{} {}", request.method(), request.uri().path());
                let answer = self.carry(request, timeout).await;
                self.0.say(|| {
                    let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
                    format!("the CRM    {shown}: {status}")
                });
                return answer;
            };
            match rng.u8(..4) {
                0 => Err(TransportError::Lost),
                1 => Ok(wire::error(500)),
                2 => Ok(Response::new(Bytes::from_static(
                    br#"{"contacts": [{"contactKey": "canary", "#,
                ))),
                _ => {
                    tokio::time::sleep(timeout).await;
                    Err(TransportError::TimedOut)
                }
            }
        }
        .boxed()
    }
}
