//! The HTTP side of the service: one request in, one response out.
//!
//! A request passes through the injected faults, the token check and the rate limit, and then
//! reaches one of the contact APIs by its path. Every request is recorded for [`Genesys::calls`].

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use io::http::{Transport, TransportError};
use serde_json::Value;

use super::answer::{Answer, error};
use super::contact_lists;
use super::login::TOKEN_PATH;
use super::rate::{self, Rate};
use super::{Call, Effect, Genesys, State};

/// Sleeps, but not for zero time: tokio's timer takes a millisecond even for that.
async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl Transport for Genesys {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            let effect = self.strike(&request);
            let (is_done, answer) = match effect {
                None | Some(Effect::Slow(_)) => (true, None),
                Some(Effect::Lost { is_done }) => (is_done, Some(TransportError::Lost)),
                Some(Effect::Hang { is_done }) => (is_done, Some(TransportError::TimedOut)),
                Some(Effect::Status(status, headers)) => {
                    // The call is recorded on arrival, since the client may give up before the
                    // answer.
                    let response = self.faulty(&request, status, headers);
                    wait(self.options.latency).await;
                    return Ok(response);
                }
                Some(Effect::Text(text)) => {
                    let mut response = self.respond(&request, None, (200, Value::Null), None);
                    *response.body_mut() = text.into();
                    wait(self.options.latency).await;
                    return Ok(response);
                }
            };
            let response = is_done.then(|| self.answer(&request));
            let latency = match effect {
                Some(Effect::Slow(latency)) => latency,
                Some(Effect::Hang { .. }) => timeout,
                _ => self.options.latency,
            };
            wait(latency.min(timeout)).await;
            match answer {
                Some(error) => Err(error),
                None if latency > timeout => Err(TransportError::TimedOut),
                None => response.ok_or(TransportError::Lost),
            }
        }
        .boxed()
    }
}

impl Genesys {
    fn strike(&self, request: &Request<Bytes>) -> Option<Effect> {
        let (method, path) = (request.method().as_str(), request.uri().path());
        self.state().faults.strike(method, path)
    }

    fn faulty(
        &self,
        request: &Request<Bytes>,
        status: u16,
        headers: Vec<(&'static str, String)>,
    ) -> Response<Bytes> {
        // A 400 carries one of the documented codes.
        let code = if status == 400 {
            "bad.request"
        } else {
            "on.purpose"
        };
        let answer = error(status, code, "A fault on purpose.");
        let mut response = self.respond(request, None, answer, None);
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    /// Carries out a request.
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if let Some(file) = self.storage(request) {
            return file;
        }
        // Each host of a region serves its own part of the API.
        let is_token = request.uri().path() == TOKEN_PATH;
        let host = request.uri().host().unwrap_or_default();
        if (host.starts_with("api.") && is_token) || (host.starts_with("login.") && !is_token) {
            let answer = error(404, "not.found", "Not on this host.");
            return self.respond(request, None, answer, None);
        }
        if is_token {
            return self.respond(request, None, self.token(request), None);
        }
        let now = self.clock.now();
        let mut state = self.state();
        let caller = bearer(request)
            .and_then(|token| state.tokens.get_key_value(token))
            .filter(|(_, (_, until))| *until > now)
            .map(|(token, (client_id, _))| (token.clone(), client_id.clone()));
        let Some((token, client_id)) = caller else {
            drop(state);
            let answer = error(401, "bad.credentials", "Invalid login credentials.");
            return self.respond(request, None, answer, None);
        };
        let counted = if self.options.counts_each_token {
            &token
        } else {
            &client_id
        };
        let rate = self.options.calls_per_minute.map(|allowed| {
            let window = state.windows.entry(counted.clone());
            rate::count(window.or_default(), now, allowed, self.options.window)
        });
        let is_forbidden = state
            .clients
            .get(&client_id)
            .is_none_or(|client| client.is_forbidden);
        let answer = if let Some(rate) = rate.filter(|rate| rate.is_over()) {
            let wait = rate.reset;
            let message =
                format!("Rate limit exceeded the maximum. Retry the request in [{wait}] seconds");
            error(429, "too.many.requests.retry.after", &message)
        } else if is_forbidden {
            error(
                403,
                "missing.any.permissions",
                "You are missing permissions.",
            )
        } else {
            self.api(&mut state, &client_id, request)
        };
        drop(state);
        self.respond(request, Some(client_id), answer, rate)
    }

    /// Passes a request to one of the two contact APIs, and notes the alterations that it makes.
    fn api(&self, state: &mut State, client_id: &str, request: &Request<Bytes>) -> Answer {
        let is_noted = self.options.keeps_journal && request.method() != http::Method::GET;
        let before = is_noted.then(|| state.contacts_by_campaign());
        let answer = self.carry_out(state, client_id, request);
        for (campaign, before) in before.into_iter().flatten() {
            state.note(self.clock.now(), &campaign, &before, Some(client_id));
        }
        answer
    }

    fn carry_out(&self, state: &mut State, client_id: &str, request: &Request<Bytes>) -> Answer {
        let path = request.uri().path();
        let body: Value = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        let call = contact_lists::Request {
            method: request.method().as_str(),
            path,
            query: request.uri().query().unwrap_or_default(),
            body: &body,
            origin: &origin(request),
        };
        if path.starts_with(contact_lists::DOWNLOADS) {
            return state.download(&call);
        }
        if path.starts_with(contact_lists::PREFIX) {
            return self.contact_lists_api(state, client_id, &call);
        }
        self.contacts_api(state, client_id, request)
    }

    fn respond(
        &self,
        request: &Request<Bytes>,
        client_id: Option<String>,
        answer: Answer,
        rate: Option<Rate>,
    ) -> Response<Bytes> {
        let (status, mut body) = answer;
        let mut state = self.state();
        let correlation = format!("00000000-0000-4000-9000-{:012x}", state.calls.len());
        if status >= 400 && body.get("code").is_some() {
            body["contextId"] = correlation.clone().into();
        }
        state.log(self, request, client_id, status, &body);
        drop(state);
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut put = |name: &'static str, value: String| {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        };
        put("content-type", "application/json".to_owned());
        put("inin-correlation-id", correlation);
        put(
            "date",
            self.clock
                .now()
                .strftime("%a, %d %b %Y %H:%M:%S GMT")
                .to_string(),
        );
        if let Some(rate) = rate {
            if rate.is_over() {
                put("retry-after", rate.reset.to_string());
            }
            if self.options.rate_headers {
                put("inin-ratelimit-count", rate.count.to_string());
                put("inin-ratelimit-allowed", rate.allowed.to_string());
                put("inin-ratelimit-reset", rate.reset.to_string());
            }
        }
        response
    }
}

impl State {
    fn log(
        &mut self,
        service: &Genesys,
        request: &Request<Bytes>,
        client_id: Option<String>,
        status: u16,
        answer: &Value,
    ) {
        self.calls.push(Call {
            at: service.clock.now(),
            client_id,
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(request.body()).unwrap_or(Value::Null),
            status,
            answer: answer.clone(),
        });
    }
}

/// The scheme and host of a request. A local server knows only the header `host`.
fn origin(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
        _ => format!("http://{}", header(request, "host").unwrap_or_default()),
    }
}

pub(super) fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn bearer(request: &Request<Bytes>) -> Option<&str> {
    header(request, "authorization")?.strip_prefix("Bearer ")
}
