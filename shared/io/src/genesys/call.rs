//! One call of the contact API: its turn in the budget, its session, and its retries
//! (docs/design.md "Failure table").
//!
//! Each call passes the same steps: it gets a session (`login`), waits for its turn (`gate`), goes
//! over the transport, and its answer is reported to budget and health. This module retries a call
//! that was refused with 401 or 429. After any other failure it retries only a read, or entries of
//! a DNC list. It does not retry a write of contacts whose result is unknown, because only
//! [`domain::attempt`] knows what must be read first.

use std::time::Duration;

use bytes::Bytes;
use domain::change::CampaignId;
use domain::failure::{Failure, Kind};
use http::{Method, Request, Response, StatusCode, header};
use secrecy::ExposeSecret;

use super::Org;
use super::answer::{answer_failure, out_of_time, unanswered};
use super::gate::UnderWay;
use super::login::{Session, Unauthorized};
use super::run::Run;
use crate::secrets::OrgSecret;
use crate::telemetry::Event;

/// A call to make.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// The path, from `/api` on.
    pub(super) path: &'a str,
    pub(super) body: Bytes,
    /// The effect of the call.
    pub(super) effect: Effect,
    /// The campaign that the call is about. If the call is forbidden, only that campaign is closed.
    pub(super) campaign: Option<&'a CampaignId>,
    /// A name for error texts: the method and the shape of the path, without the contact key.
    pub(super) what: &'static str,
}

/// The effect of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It alters nothing, so it may be retried after a failure.
    Read,
    /// It writes this many contacts. It is not retried before they have been read.
    Write(usize),
    /// It writes this many entries beside the contacts. Writing them twice does no harm, so it may
    /// be retried. Its result says nothing about the health of the org, its campaigns or its host.
    Aside(usize),
}

impl Effect {
    /// Whether the call may be retried without a read first.
    fn may_be_retried(self) -> bool {
        !matches!(self, Effect::Write(_))
    }
}

/// How often a call was tried, by how the tries ended.
#[derive(Default)]
struct Tries {
    unauthorized: u32,
    throttled: u32,
    /// Tries without an answer, or with a 5xx.
    failed: u32,
}

/// Whether the service refuses the token.
fn is_unauthorized(failure: &Failure) -> bool {
    failure.kind == Kind::Refused && failure.http_status == Some(StatusCode::UNAUTHORIZED.as_u16())
}

impl Org {
    /// Makes the call, and retries it as the failure table says. Returns the body of a 2xx.
    pub(super) async fn call(&self, run: &Run, call: &Call<'_>) -> Result<Bytes, Failure> {
        Ok(self.answer(run, call).await?.into_body())
    }

    /// As [`Org::call`], but returns the whole answer with its headers.
    pub(super) async fn answer(
        &self,
        run: &Run,
        call: &Call<'_>,
    ) -> Result<Response<Bytes>, Failure> {
        let mut session = self.session(run, None).await?;
        let mut tries = Tries::default();
        let failure = loop {
            let under_way = self
                .gate
                .admit(&self.shared.clock, run, session.secret.calls_per_minute)
                .await?;
            if let Some(campaign) = call.campaign {
                if !run.retries_unanswered() {
                    self.may_go_on(campaign, call.effect != Effect::Read)?;
                }
                self.is_open(campaign)?;
            }
            if session.generation != self.login.generation() {
                // While this call waited for its turn, another call learned that the token is
                // refused.
                drop(under_way);
                session = self.session(run, None).await?;
                continue;
            }
            let failure = match self.call_once(run, call, &session, under_way).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if is_unauthorized(&failure) {
                tries.unauthorized += 1;
                let after = Unauthorized {
                    generation: session.generation,
                    times: tries.unauthorized,
                    failure: &failure,
                };
                session = self.session(run, Some(after)).await?;
            } else if !self.tries_again(run, call, &mut tries, &failure).await {
                break failure;
            }
        };
        if !matches!(call.effect, Effect::Aside(_)) {
            self.record_silence(call.campaign, call.effect != Effect::Read, &failure);
        }
        Err(failure)
    }

    /// Whether a call that failed is retried with the same session. If so, returns once the retry
    /// may begin.
    async fn tries_again(
        &self,
        run: &Run,
        call: &Call<'_>,
        tries: &mut Tries,
        failure: &Failure,
    ) -> bool {
        match failure.kind {
            Kind::Refused => {
                if let Some(campaign) = call.campaign {
                    self.close_campaign(campaign, failure);
                }
                false
            }
            // The budget makes the next try wait, or says that the wait would be too long.
            Kind::Throttled { after } => {
                tries.throttled += 1;
                self.shared.telemetry.tell(&Event::Throttled {
                    org: self.id.as_str(),
                });
                tries.throttled != run.tries && run.may_wait(self.shared.clock.now(), after)
            }
            Kind::Unavailable | Kind::Lost | Kind::Unanswered
                if call.effect.may_be_retried()
                    && (failure.kind != Kind::Unanswered || run.retries_unanswered()) =>
            {
                tries.failed += 1;
                self.pause(run, tries.failed).await
            }
            _ => false,
        }
    }

    async fn call_once(
        &self,
        run: &Run,
        call: &Call<'_>,
        session: &Session,
        under_way: UnderWay<'_>,
    ) -> Result<Response<Bytes>, Failure> {
        let began = self.shared.clock.now();
        let timeout = match call.effect {
            Effect::Read => run.read_timeout(began),
            Effect::Write(wide) => run.write_timeout(began, wide),
            Effect::Aside(wide) => run.aside_timeout(began, wide),
        };
        let timeout = timeout.ok_or_else(out_of_time)?;
        let request = self.request(call, session)?;
        let answer = self.shared.transport.send(request, timeout).await;
        let now = self.shared.clock.now();
        let latency = Duration::try_from(now.duration_since(began)).unwrap_or_default();
        self.shared.telemetry.tell(&Event::Called {
            org: self.id.as_str(),
            latency,
        });
        let answer = answer.map_err(|error| {
            unanswered(
                call.what,
                error,
                call.effect == Effect::Read && Run::is_short(timeout),
            )
        })?;
        if !matches!(call.effect, Effect::Aside(_)) {
            self.record_answer(call.campaign, call.effect != Effect::Read, latency);
        }
        let after = under_way.answered(now, answer.status(), answer.headers());
        drop(under_way);
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(answer_failure(call.what, &answer, after))
    }

    /// The URL of the org's API.
    pub(super) fn base(&self, secret: &OrgSecret) -> String {
        let replaced = self.shared.config.genesys_base_url.clone();
        replaced.unwrap_or_else(|| secret.region.api_url())
    }

    fn request(&self, call: &Call<'_>, session: &Session) -> Result<Request<Bytes>, Failure> {
        let base = self.base(&session.secret);
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{base}{}", call.path))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", session.token.expose_secret()),
            )
            .header(header::ACCEPT, "application/json");
        if !call.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(call.body.clone());
        request.map_err(|_| {
            Failure::new(
                Kind::Refused,
                format!("{}: cannot be written as a request", call.what),
            )
        })
    }
}
