//! The client of a CRM feed (docs/contract.md "CRM feed").

use std::time::Duration;

use bytes::Bytes;
use domain::change::{Change, Feed, MessageGroup};
use domain::retry::{Throttle, between_tries};
use http::{Request, Response, StatusCode, header};
use io::http::TransportError;
use io::secrets::FeedSecret;
use io::throttled;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Context;

/// The longest that one page may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many times a page is asked for.
const TRIES: u32 = 3;
/// The longest wait after a 429 that is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A cursor of a feed goes into our own, which a person may have to copy.
const MAX_CURSOR: usize = 2_048;

/// One page of a feed, each contact of it read by itself.
pub(crate) struct Page {
    /// Of a contact that is faulty: the opt-out that is heard of it.
    pub(crate) changes: Vec<Change>,
    pub(crate) faulty: Vec<Faulty>,
    /// The cursor of the next; none: this is the last.
    pub(crate) next: Option<String>,
}

/// A contact of a page that breaks a rule: which, without anything that the feed says of it.
pub(crate) struct Faulty {
    /// Where it stands on the page, and what was expected.
    pub(crate) what: String,
    /// Whose it is, where an opt-out is heard of it.
    pub(crate) group: Option<MessageGroup>,
}

/// Why there is no page.
pub(crate) enum NoPage {
    OutOfTime,
    /// What was seen, without anything of the feed's content or address.
    Fault(String),
}

/// What is asked for.
pub(crate) struct Query<'a> {
    pub(crate) feed: &'a Feed,
    pub(crate) since: Timestamp,
    pub(crate) cursor: Option<&'a str>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    contacts: Vec<&'a RawValue>,
    // It must be there: a feed that spells it otherwise would seem to end with its first page.
    #[serde(deserialize_with = "Option::deserialize")]
    next: Option<String>,
}

impl Context {
    /// Asks for a page, up to three times where that may help. `end`: the last moment for it to be
    /// there.
    pub(crate) async fn page(
        &self,
        secret: &FeedSecret,
        query: &Query<'_>,
        end: Option<Timestamp>,
    ) -> Result<Page, NoPage> {
        let (mut tries, mut throttle) = (0, Throttle::default());
        loop {
            tries += 1;
            let (what, after) = match self.ask(secret, query, end).await? {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    return self.read(query.feed, &answer);
                }
                Ok(answer) => {
                    let (now, status) = (self.shared.clock.now(), answer.status());
                    let after = throttled(&mut throttle, now, status, answer.headers());
                    (refusal(status)?, after)
                }
                Err(TransportError::TooLarge) => {
                    return Err(NoPage::Fault(TransportError::TooLarge.to_string()));
                }
                Err(error) => (error.to_string(), None),
            };
            let wait =
                after.unwrap_or_else(|| between_tries(tries + 2, self.shared.chance.share()));
            if tries == TRIES || wait > LONGEST_WAIT {
                let times = if tries == 1 { "time" } else { "times" };
                return Err(NoPage::Fault(format!("{what}, {tries} {times}")));
            }
            if self.left(end).is_some_and(|left| left <= wait) {
                return Err(NoPage::OutOfTime);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn ask(
        &self,
        secret: &FeedSecret,
        query: &Query<'_>,
        end: Option<Timestamp>,
    ) -> Result<Result<Response<Bytes>, TransportError>, NoPage> {
        let left = self.left(end).unwrap_or(TIMEOUT);
        if left.is_zero() {
            return Err(NoPage::OutOfTime);
        }
        let request = Request::get(secret.page(&query.feed.campaign, query.since, query.cursor))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", secret.bearer_token.expose_secret()),
            )
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new());
        let request = request
            .map_err(|_| NoPage::Fault("its address cannot be written as a request".to_owned()))?;
        let answer = self.feed.send(request, TIMEOUT.min(left)).await;
        match answer {
            Err(TransportError::TimedOut) if left < TIMEOUT => Err(NoPage::OutOfTime),
            answer => Ok(answer),
        }
    }

    fn left(&self, end: Option<Timestamp>) -> Option<Duration> {
        end.map(|end| {
            Duration::try_from(end.duration_since(self.shared.clock.now())).unwrap_or_default()
        })
    }

    fn read(&self, feed: &Feed, answer: &Response<Bytes>) -> Result<Page, NoPage> {
        let fault = |what: &str| NoPage::Fault(what.to_owned());
        let page: Wire<'_> = serde_json::from_slice(answer.body()).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                fault(r#"expected {"contacts": [ … ], "next": a cursor or null} and nothing of another type"#)
            }
            _ => fault("the page is not JSON, or not all of it"),
        })?;
        if page
            .next
            .as_ref()
            .is_some_and(|next| !(1..=MAX_CURSOR).contains(&next.len()))
        {
            return Err(fault("next: expected a cursor of 1 to 2048 bytes, or null"));
        }
        let now = self.shared.clock.now();
        let parse = |text: &str| Change::parse_from_feed(feed, text, now);
        let (mut changes, mut faulty) = (Vec::new(), Vec::new());
        for (place, text) in page.contacts.into_iter().enumerate() {
            match parse(text.get()) {
                Ok(change) => changes.push(change),
                Err(invalid) => {
                    let has_rank =
                        |heard: &Change| heard.version.is_some() || heard.occurred_at.is_some();
                    let heard = Change::heard(text.get(), parse).filter(has_rank);
                    faulty.push(Faulty {
                        what: format!("contacts[{place}]: {invalid}"),
                        group: heard.as_ref().map(Change::message_group),
                    });
                    changes.extend(heard);
                }
            }
        }
        Ok(Page {
            changes,
            faulty,
            next: page.next,
        })
    }
}

/// What an answer that is no page says; an error: asking again does not help.
fn refusal(status: StatusCode) -> Result<String, NoPage> {
    let what = format!("it answered {}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Ok(what),
        status if status.is_server_error() => Ok(what),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(NoPage::Fault(format!(
            "{what}: expected that it takes the secret's bearerToken"
        ))),
        status if status.is_redirection() => Err(NoPage::Fault(format!(
            "{what}: redirects are not followed; expected the page itself"
        ))),
        _ => Err(NoPage::Fault(format!("{what}: expected 200"))),
    }
}
