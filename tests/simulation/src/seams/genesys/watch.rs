//! The checks of each call and each answer: promises 3, 6 and 7, and `blind`.
//!
//! Promise 5 is checked in `super`, and what holds over a whole run in `crate::checks`.

use std::time::Duration;

use bytes::Bytes;
use emulator::world::client_id;
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};

use super::{Answered, Call, GenesysTransport};
use crate::seams::Throttled;
use crate::story::{Action, Step};
use crate::{lock, wire};

impl GenesysTransport {
    /// Promise 6: after a refusal, no call begins before its wait is over. A refusal of the token
    /// endpoint counts for that endpoint, any other for all other calls with the same OAuth client.
    pub(super) fn watch_refusals(&self, request: &Request<Bytes>) -> Option<Throttled> {
        let mut seen = lock(&self.outside.seen);
        let is_token = wire::is_token(request);
        let client = match wire::client_of_token_request(request) {
            Some(client) => client,
            None => seen.tokens.get(wire::token(request)?)?.clone(),
        };
        let of = (self.instance, is_token, client);
        let now = self.outside.clock.now();
        if seen.throttled.get(&of).is_some_and(|until| now < *until) {
            let name = self.name.split(' ').next().unwrap_or_default();
            let what = format!(
                "6: a call of one copy of {name} begins before the wait of a refused one is over"
            );
            seen.violations.insert(what);
        }
        Some(of)
    }

    /// Checks a request for what may never be sent, whatever was answered before.
    pub(super) fn watch_request(&self, request: &Request<Bytes>) {
        let outside = &self.outside;
        let Some(campaign) = wire::campaign(request) else {
            return;
        };
        let mut violations = Vec::new();
        let seen = lock(&outside.seen);
        if let Some(org) = outside.story.org_of(&campaign) {
            let token = wire::token(request).and_then(|token| seen.tokens.get(token));
            if token != Some(&client_id(&org.name)) {
                violations.push(format!(
                    "7: a call about {campaign} with the token of {}",
                    token.map_or("nobody", |of| of)
                ));
            }
            let text = wire::text(request);
            for other in outside
                .story
                .orgs
                .iter()
                .filter(|other| other.name != org.name)
            {
                if text.contains(&format!("of {}", other.name))
                    || text.contains(&format!("of-{}", other.name))
                {
                    violations.push(format!(
                        "7: a call about {campaign} with data of {}",
                        other.name
                    ));
                }
            }
        }
        for (key, callable) in wire::written(request).into_iter().flatten() {
            if seen
                .unknown
                .contains(&(self.instance, campaign.clone(), key.clone()))
            {
                let name = self.name.trim_end();
                violations.push(format!(
                    "blind: a contact of {campaign} is written by {name} after a write without an answer, and not read between"
                ));
            }
            if callable == Some(true) && !seen.opted_in.contains(&(campaign.clone(), key)) {
                violations.push(format!(
                    "3: a write makes a contact of {campaign} callable, and nobody said so"
                ));
            }
        }
        drop(seen);
        outside.violated_all(violations);
    }

    /// Checks an answer, and remembers which contacts are in an unknown state after it.
    pub(super) fn watch_answer(&self, call: &Call, answered: &Answered) {
        let Some(campaign) = &call.campaign else {
            return;
        };
        let status = answered.status();
        let contact = |key: &String| (self.instance, campaign.clone(), key.clone());
        let written = || call.written.iter().map(|(key, _)| contact(key));
        // A create by `predictive` has succeeded if its status says so. The answer to any other
        // write must show the contact.
        let must_show = !call.is_create_of_campaign;
        let is_unreadable = status == 200 && !answered.is_of_service;
        let is_unknown = matches!(status, 0 | 408 | 500..) || (is_unreadable && must_show);
        let mut seen = lock(&self.outside.seen);
        if status == 200 {
            seen.written.extend(written());
        }
        if is_unknown {
            seen.unknown.extend(written());
        }
        // A 404 needs no body.
        if status == 404 || (status == 200 && answered.is_of_service) {
            seen.unknown
                .retain(|unknown| !call.read.iter().any(|key| *unknown == contact(key)));
        }
        drop(seen);
        if status == 429 && answered.is_of_service {
            self.watch_second_refusal(campaign, answered);
        }
    }

    /// Promise 6: within a window of the rate limit, a copy has at most one refused call.
    fn watch_second_refusal(&self, campaign: &str, answered: &Answered) {
        let story = &self.outside.story;
        let Some(org) = story.org_of(campaign) else {
            return;
        };
        // If the service does not report its rate limit, a copy that replaces a crashed one cannot
        // know what that one spent. Nor can copies of reconcile know what the others spend at the
        // same time.
        let is_run = |step: &&Step| matches!(step.action, Action::Reconcile { .. });
        let runs = story.steps.iter().filter(is_run).count();
        let knows_its_calls = story.rate_headers || (self.instance < story.copies && runs <= 1);
        if !knows_its_calls {
            return;
        }
        let now = self.outside.clock.now();
        let answer = answered.answer.as_ref().ok();
        let reset = answer.and_then(|answer| wire::seconds(answer, "retry-after"));
        let until = now + Duration::from_secs(reset.unwrap_or(0));
        let mut seen = lock(&self.outside.seen);
        let old = seen
            .refused_until
            .insert((self.instance, org.name.clone()), until);
        if old.is_some_and(|old| now < old) {
            let name = self.name.split(' ').next().unwrap_or_default();
            seen.violations.insert(format!(
                "6: a second refused call of one copy of {name} within a window"
            ));
        }
    }

    /// Remembers until when no call may follow a refusal.
    pub(super) fn remember_refusal(&self, throttled: Throttled, answered: &Answered) {
        let Ok(answer) = &answered.answer else { return };
        if answer.status() != StatusCode::TOO_MANY_REQUESTS {
            return;
        }
        let until = self.outside.clock.now() + least_wait(answer);
        let mut seen = lock(&self.outside.seen);
        let known = seen.throttled.entry(throttled).or_insert(until);
        *known = until.max(*known);
    }
}

/// The shortest time after a refusal in which no call may follow. A date asks for no more than
/// that, since clocks are wrong.
fn least_wait(refusal: &Response<Bytes>) -> Duration {
    let named = refusal.headers().get(RETRY_AFTER);
    let named = named.and_then(|named| named.to_str().ok()).unwrap_or("");
    let seconds = match named.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => seconds.ceil().clamp(1.0, 900.0),
        _ if named.ends_with("GMT") => 1.0,
        _ => 15.0,
    };
    Duration::from_secs_f64(seconds)
}
