//! The client of a CRM feed (docs/contract.md "CRM feed"). [`Context::page`] asks for one page,
//! with retries, and reads it.
//!
//! - `read` turns an answer into a page, and `next` finds the cursor of the next page. Both are
//!   pure.
//! - `token` keeps the tokens of a feed that uses OAuth 2.0, and `turn` keeps requests apart in
//!   time.
//! - `io::secrets` reads the feed's secret and writes the request. The scan decides which page to
//!   ask for.

mod next;
mod read;
mod token;
mod turn;
mod written;

#[cfg(test)]
pub(crate) use next::MAX_CURSOR;
pub use read::read;
pub(crate) use turn::Feeds;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use domain::change::{Change, Feed, MessageGroup};
use domain::retry::{Throttle, between_tries};
use http::{Request, Response, StatusCode};
use io::http::TransportError;
use io::secrets::{Asked, FeedSecret, Plain};
use io::throttled;
use jiff::Timestamp;

use crate::Context;
use turn::Turn;
use written::{is_empty, is_for_now, refusal, written};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many times a request is tried.
const TRIES: u32 = 3;
/// The longest wait after a 429 that a run waits out.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One page of a feed, each item of it read by itself.
pub struct Page {
    /// The changes of the page. A faulty item only adds its opt-outs.
    pub changes: Vec<Change>,
    /// The items that break a rule.
    pub faulty: Vec<Faulty>,
    /// A hash of each item that the mapping turns into no change.
    pub(crate) unchanged: Vec<u64>,
    /// The cursor of the next page. `None` means that this page is the last.
    pub next: Option<String>,
}

/// `Debug` shows nothing of the feed's content.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("changes", &self.changes.len())
            .field("faulty", &self.faulty)
            .finish_non_exhaustive()
    }
}

impl Page {
    /// How many items the mapping turns into no change.
    pub fn unchanged(&self) -> usize {
        self.unchanged.len()
    }
}

/// An item of a page that breaks a rule. It holds nothing that the feed says about it.
#[derive(Debug)]
pub struct Faulty {
    /// Its place on the page, and what was expected.
    pub what: String,
    /// The message group of its contact, if that can be read.
    pub group: Option<MessageGroup>,
    /// The message group of each opt-out that is compared although the item is faulty.
    pub groups: Vec<MessageGroup>,
}

/// Why there is no page.
#[derive(Debug)]
pub enum NoPage {
    /// The page would not be there in time.
    OutOfTime,
    /// The feed, or its token endpoint, answered 429. No request may be sent for this long.
    Throttled(Duration),
    /// This part is at fault. The text says what was seen, without any of the feed's content or
    /// address.
    Fault(FaultOf, String),
}

/// The part that is at fault if there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOf {
    /// The feed does not answer, or refuses the credentials. The same page may come later.
    Feed,
    /// The page was refused, or cannot be read.
    Page,
    /// The secret's texts for this campaign. No request is made.
    Campaign,
}

impl NoPage {
    pub(crate) fn of_page(what: impl Into<String>) -> NoPage {
        NoPage::Fault(FaultOf::Page, what.into())
    }
}

/// The page that is asked for.
pub struct Query<'a> {
    /// The org and campaign whose contacts are asked for, and the run that asks.
    pub feed: &'a Feed,
    /// The feed lists contacts that changed at or after this time.
    pub since: Timestamp,
    /// The cursor that the page before gave. `None` asks for the first page.
    pub cursor: Option<&'a str>,
}

impl Query<'_> {
    /// The request for the page, without credentials.
    ///
    /// # Errors
    /// The request needs a value that is missing, or that is not allowed in its place.
    pub fn plain(&self, secret: &FeedSecret) -> Result<Plain, NoPage> {
        let asked = Asked {
            campaign: &self.feed.campaign,
            since: self.since,
            cursor: self.cursor,
        };
        let plain = secret.request(&asked);
        plain.map_err(|unfit| NoPage::Fault(FaultOf::Campaign, unfit.to_string()))
    }
}

impl Context {
    /// Asks for a page, with retries. `end` is the latest time at which it may be there.
    ///
    /// # Errors
    /// There is no time, the feed throttles the run, or no page can be read.
    pub async fn page(
        &self,
        secret: &FeedSecret,
        query: &Query<'_>,
        end: Option<Timestamp>,
    ) -> Result<Page, NoPage> {
        let turn = self.feeds.of(&query.feed.org);
        let plain = query.plain(secret)?;
        let at = plain.url.clone();
        let mut refused = None;
        let answer = loop {
            let token = self.token(secret, &turn, refused.as_ref(), end).await?;
            let request = written(plain.clone(), &secret.auth, token.as_ref())?;
            let answer = self.asked(&turn, secret.min_interval, &request, end);
            let answer = answer.await?;
            // A token may expire before its time. Another is asked for, once.
            if answer.status() == StatusCode::UNAUTHORIZED && token.is_some() && refused.is_none() {
                refused = token;
                continue;
            }
            break answer;
        };
        if answer.status() == StatusCode::OK || is_empty(secret, query, answer.status()) {
            return read(secret, query, &at, &answer, self.shared.clock.now());
        }
        Err(refusal(answer.status(), secret))
    }

    /// Sends a request, with retries, and returns the first answer that a retry would not change.
    async fn asked(
        &self,
        turn: &Turn,
        min_interval: Duration,
        request: &Request<Bytes>,
        end: Option<Timestamp>,
    ) -> Result<Response<Bytes>, NoPage> {
        let (mut tries, mut throttle) = (0, Throttle::default());
        loop {
            tries += 1;
            self.take_turn(turn, min_interval, end).await?;
            let (what, after) = match self.ask(request, end).await? {
                Ok(answer) if !is_for_now(answer.status()) => return Ok(answer),
                Ok(answer) => {
                    let (now, status) = (self.shared.clock.now(), answer.status());
                    let after = throttled(&mut throttle, now, status, answer.headers());
                    (format!("it answered {}", status.as_u16()), after)
                }
                Err(TransportError::TooLarge) => {
                    return Err(NoPage::of_page(TransportError::TooLarge.to_string()));
                }
                Err(error) => (error.to_string(), None),
            };
            let wait = after.unwrap_or_else(|| between_tries(tries + 2, self.shared.chance.draw()));
            let is_too_late = self.left(end).is_some_and(|left| left <= wait);
            let is_given_up = tries == TRIES || wait > LONGEST_WAIT;
            if after.is_some() && (is_given_up || is_too_late) {
                return Err(NoPage::Throttled(wait));
            }
            if is_given_up {
                let what = format!("{what}, {tries} times");
                return Err(NoPage::Fault(FaultOf::Feed, what));
            }
            if is_too_late {
                return Err(NoPage::OutOfTime);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn ask(
        &self,
        request: &Request<Bytes>,
        end: Option<Timestamp>,
    ) -> Result<Result<Response<Bytes>, TransportError>, NoPage> {
        let left = self.left(end).unwrap_or(TIMEOUT);
        if left.is_zero() {
            return Err(NoPage::OutOfTime);
        }
        match self.feed.send(request.clone(), TIMEOUT.min(left)).await {
            Err(TransportError::TimedOut) if left < TIMEOUT => Err(NoPage::OutOfTime),
            answer => Ok(answer),
        }
    }

    fn left(&self, end: Option<Timestamp>) -> Option<Duration> {
        end.map(|end| {
            Duration::try_from(end.duration_since(self.shared.clock.now())).unwrap_or_default()
        })
    }
}
