//! The checks of each call and each answer.

use std::time::Duration;

use bytes::Bytes;
use emulator::world::client_id;
use http::{Request, Response};
use io::http::TransportError;

use super::Line;
use crate::seams::Throttled;
use crate::story::Deed;
use crate::{lock, wire};

impl Line {
    /// Promise 6: after a refusal, no call begins before its wait is over. A refusal of the token
    /// endpoint counts for that endpoint, any other for all other calls with the same OAuth client.
    pub(super) fn watch_refusals(&self, request: &Request<Bytes>) -> Option<Throttled> {
        let mut seen = lock(&self.outside.seen);
        let is_token = wire::is_token(request);
        let client = match wire::basic(request) {
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
        violations
            .into_iter()
            .for_each(|violation| outside.violated(violation));
    }

    pub(super) fn watch_answer(
        &self,
        campaign: Option<&str>,
        written: Option<&[(String, Option<bool>)]>,
        read: &[String],
        is_create_of_campaign: bool,
        answer: &Result<Response<Bytes>, TransportError>,
        is_of_service: bool,
    ) {
        let outside = &self.outside;
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        let mut seen = lock(&outside.seen);
        let Some(campaign) = campaign else { return };
        let contact = |key: &String| (self.instance, campaign.to_owned(), key.clone());
        // A create by `predictive` has succeeded if its status says so. The answer to any other
        // write must show the contact.
        let must_show = !is_create_of_campaign;
        let is_unknown =
            matches!(status, 0 | 408 | 500..) || (status == 200 && !is_of_service && must_show);
        for (key, _) in written.into_iter().flatten().filter(|_| status == 200) {
            seen.written.push(contact(key));
        }
        for (key, _) in written.into_iter().flatten().filter(|_| is_unknown) {
            seen.unknown.insert(contact(key));
        }
        // A 404 needs no body.
        if status == 404 || (status == 200 && is_of_service) {
            seen.unknown
                .retain(|unknown| !read.iter().any(|key| *unknown == contact(key)));
        }
        let Some(org) = outside.story.org_of(campaign) else {
            return;
        };
        // If the service does not report its rate limit, a copy that replaces a crashed one cannot
        // know what that one spent. Nor can copies of reconcile know what the others spend at the
        // same time.
        let runs = outside
            .story
            .steps
            .iter()
            .filter(|step| matches!(step.deed, Deed::Reconcile { .. }))
            .count();
        let knows_its_calls =
            outside.story.rate_headers || (self.instance < outside.story.copies && runs <= 1);
        if status == 429 && is_of_service && knows_its_calls {
            let now = outside.clock.now();
            let reset = answer
                .as_ref()
                .ok()
                .and_then(|answer| wire::seconds(answer, "retry-after"))
                .unwrap_or(0);
            let until = now + Duration::from_secs(reset);
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
    }
}
