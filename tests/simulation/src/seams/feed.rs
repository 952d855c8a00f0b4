//! The way to the feeds of the CRMs: of those that have the product's own form, and of vendors.
//!
//! The CRMs are set up in `crate::player::crms`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::http::{Transport, TransportError};

use super::Outside;
use crate::chaos::FaultKind;
use crate::story::Part;
use crate::wire;

/// The end of the host of a vendor's CRM, and of a CRM that has the product's own form.
pub(crate) const VENDOR_HOST: &str = ".crm.test";
pub(crate) const OWN_FORM_HOST: &str = ".own.test";

/// The way to a CRM's feed.
pub(crate) struct FeedTransport(pub(crate) Arc<Outside>);

impl FeedTransport {
    async fn carry(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let host = request.uri().host().unwrap_or_default();
        let is_own = host.ends_with(OWN_FORM_HOST);
        let org = host
            .trim_end_matches(OWN_FORM_HOST)
            .trim_end_matches(VENDOR_HOST);
        match self.0.crms.get(org) {
            _ if self.0.is_down(Part::Feed, org) => Ok(wire::error(503)),
            _ if is_own => self.0.feed.send(request, timeout).await,
            Some(crm) => crm.send(request, timeout).await,
            None => Err(TransportError::Lost),
        }
    }
}

impl Transport for FeedTransport {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let what = request.uri().path().to_owned();
            let Some(mut rng) = self.0.chaos.draw(FaultKind::FeedFault, &what) else {
                let shown = format!("{} {}", request.method(), request.uri().path());
                let answer = self.carry(request, timeout).await;
                self.0.trace(|| {
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
