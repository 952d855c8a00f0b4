//! The faults that strike a single call: before it is carried out, in place of it, or after it.
//!
//! `crate::chaos` decides whether a fault strikes. Troubles that last are in `super::in_trouble`.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response};
use io::http::{Transport, TransportError};
use tokio::time::sleep;

use super::{Answered, GenesysTransport};
use crate::chaos::FaultKind;
use crate::story::folds_case;
use crate::wire;

type Answer = Result<Response<Bytes>, TransportError>;

/// The waits that a 429 may name. Empty means that it names none.
const WAITS: [&str; 12] = [
    "",
    "1",
    "3",
    "40",
    "86400",
    "0",
    "0.4",
    "1.5",
    "-7",
    "soon",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Tue, 24 Nov 2026 16:01:00 GMT",
];

impl GenesysTransport {
    /// Carries out a call, unless a fault or the run's trouble keeps it from the service.
    pub(super) async fn carry(&self, request: Request<Bytes>, timeout: Duration) -> Answered {
        if let Some(answer) = self.in_trouble(&request, timeout).await {
            return Answered::on_purpose(answer);
        }
        let what = format!("{} {}", request.method(), request.uri().path());
        if let Some(answer) = self.fault_before(&request, &what, timeout).await {
            return Answered::on_purpose(answer);
        }
        self.let_an_agent_write(&request, &what);
        let is_shouted = wire::is_of_list(&request) && folds_case(self.outside.story.seed);
        let mut answer = self.outside.genesys.send(request, timeout).await;
        if let (true, Ok(answer)) = (is_shouted, &mut answer) {
            wire::shout_ids(answer);
        }
        self.fault_after(answer, &what, timeout).await
    }

    fn strikes(&self, kind: FaultKind, what: &str) -> bool {
        self.outside.chaos.strikes(kind, what)
    }

    async fn crash(&self, why: &str) -> ! {
        self.outside
            .trace(|| format!("{}  crashes {why}", self.name));
        self.crash.now();
        std::future::pending().await
    }

    /// Strikes before the call is carried out. Returns the answer that it gets then.
    async fn fault_before(
        &self,
        request: &Request<Bytes>,
        what: &str,
        timeout: Duration,
    ) -> Option<Answer> {
        if self.strikes(FaultKind::CrashBefore, what) {
            self.crash("before the call").await;
        }
        if self.strikes(FaultKind::LostBefore, what) {
            return Some(Err(TransportError::Lost));
        }
        if self.strikes(FaultKind::Hang, what) {
            sleep(timeout).await;
            return Some(Err(TransportError::TimedOut));
        }
        let refusal = self.refusal(request, what)?;
        sleep(Duration::from_millis(20)).await;
        Some(Ok(refusal))
    }

    /// An answer with the status of an error, in place of the service's.
    fn refusal(&self, request: &Request<Bytes>, what: &str) -> Option<Response<Bytes>> {
        let is_patch = request.method() == Method::PATCH && !wire::is_existence_check(request);
        let statuses = [
            (FaultKind::Status5xx, 503, true),
            (FaultKind::Status408, 408, true),
            (FaultKind::Status429, 429, true),
            (FaultKind::Status401, 401, !wire::is_token(request)),
            (FaultKind::Status404, 404, is_patch),
        ];
        for (kind, status, applies) in statuses {
            let draw = self.outside.chaos.draw(kind, what);
            let Some(mut rng) = draw.filter(|_| applies) else {
                continue;
            };
            let mut response = wire::error(status);
            let wait = rng.choice(WAITS).filter(|wait| !wait.is_empty());
            if let (429, Some(wait)) = (status, wait) {
                let wait = HeaderValue::from_static(wait);
                response.headers_mut().insert(RETRY_AFTER, wait);
            }
            return Some(response);
        }
        None
    }

    /// Strikes after the call was carried out.
    async fn fault_after(&self, answer: Answer, what: &str, timeout: Duration) -> Answered {
        if self.strikes(FaultKind::CrashAfter, what) {
            self.crash("after the call").await;
        }
        if self.strikes(FaultKind::LostAfter, what) {
            return Answered::on_purpose(Err(TransportError::Lost));
        }
        if self.strikes(FaultKind::HangAfter, what) {
            sleep(timeout).await;
            return Answered::on_purpose(Err(TransportError::TimedOut));
        }
        if let Some(mut rng) = self.outside.chaos.draw(FaultKind::Slow, what) {
            sleep(Duration::from_millis(rng.u64(100..4_500)).min(timeout)).await;
        }
        if self.strikes(FaultKind::CutOff, what) {
            let half = |body: Bytes| body.slice(..body.len() / 2);
            return Answered::on_purpose(answer.map(|answer| answer.map(half)));
        }
        if self.strikes(FaultKind::Garbage, what) {
            let garbage = |_| Bytes::from_static(b"<html>oops");
            return Answered::on_purpose(answer.map(|answer| answer.map(garbage)));
        }
        Answered {
            answer,
            is_of_service: true,
        }
    }
}
