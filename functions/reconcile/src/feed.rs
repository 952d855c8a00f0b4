//! The client of a CRM feed (docs/contract.md "CRM feed").

mod next;
mod read;
mod token;
mod turn;

#[cfg(test)]
pub(crate) use next::MAX_CURSOR;
pub use read::read;
pub(crate) use turn::Feeds;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use domain::change::{Change, Feed, MessageGroup};
use domain::retry::{Throttle, between_tries};
use http::{HeaderValue, Request, Response, StatusCode, header};
use io::http::TransportError;
use io::secrets::{Asked, FeedAuth, FeedSecret, Pages, Plain, add_parameter};
use io::throttled;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::Context;
use turn::Turn;

/// The longest that one page may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many times a page is asked for.
const TRIES: u32 = 3;
/// The longest wait after a 429 that is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One page of a feed, each item of it read by itself.
pub struct Page {
    /// Of an item that is faulty: the opt-outs that are heard of it.
    pub changes: Vec<Change>,
    /// The items that break a rule.
    pub faulty: Vec<Faulty>,
    /// Of each item that the mapping makes no change of: a number that stands for it.
    pub(crate) unchanged: Vec<u64>,
    /// The cursor of the next; none: this is the last.
    pub next: Option<String>,
}

/// Nothing that the feed says.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("changes", &self.changes.len())
            .field("faulty", &self.faulty)
            .finish_non_exhaustive()
    }
}

impl Page {
    /// How many items the mapping makes no change of.
    pub fn unchanged(&self) -> usize {
        self.unchanged.len()
    }
}

/// An item of a page that breaks a rule: which, without anything that the feed says of it.
#[derive(Debug)]
pub struct Faulty {
    /// Where it stands on the page, and what was expected.
    pub what: String,
    /// Whose it is, if that can be read.
    pub group: Option<MessageGroup>,
    /// Whose it is, of each opt-out that is heard of it.
    pub groups: Vec<MessageGroup>,
}

/// Why there is no page.
#[derive(Debug)]
pub enum NoPage {
    /// It would not be there in time.
    OutOfTime,
    /// The feed, or what gives its tokens, wants no request for so long.
    Throttled(Duration),
    /// What was seen, without anything of the feed's content or address.
    Fault(FaultOf, String),
}

/// What is at fault where there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOf {
    /// The feed does not answer, or not whoever asks: the same page may come later.
    Feed,
    /// The page: it is refused, or cannot be read.
    Page,
    /// What the secret says of this campaign: nothing is asked for.
    Campaign,
}

impl NoPage {
    pub(crate) fn of_page(what: impl Into<String>) -> NoPage {
        NoPage::Fault(FaultOf::Page, what.into())
    }
}

/// What is asked for.
pub struct Query<'a> {
    /// Whose contacts, and by which run.
    pub feed: &'a Feed,
    /// Those that changed at or after this.
    pub since: Timestamp,
    /// Where the page before ended; none: the first is asked for.
    pub cursor: Option<&'a str>,
}

impl Query<'_> {
    /// What is sent for it, before anything in it shows who asks.
    ///
    /// # Errors
    /// A value that the request needs is not there, or may not stand where it would.
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
    /// Asks for a page, up to three times where that may help. `end`: the last moment for it to be
    /// there.
    ///
    /// # Errors
    /// It is out of time, or the feed wants to be left alone, or there is no page that can be read.
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
            // A token may end before its time: another is asked for, once.
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

    /// Sends a request, up to three times where that may help, and answers the first answer that
    /// stands.
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
            let wait =
                after.unwrap_or_else(|| between_tries(tries + 2, self.shared.chance.share()));
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

/// A request as it is sent, which shows who asks.
fn written(
    mut plain: Plain,
    auth: &FeedAuth,
    token: Option<&SecretString>,
) -> Result<Request<Bytes>, NoPage> {
    let secret = |value: &SecretString| {
        let value = HeaderValue::from_str(value.expose_secret());
        value.map(|mut value| {
            value.set_sensitive(true);
            value
        })
    };
    let shown = match auth {
        FeedAuth::None => None,
        FeedAuth::OAuth2(_) => token.map(|token| (header::AUTHORIZATION, secret(token))),
        FeedAuth::Authorization(value) => Some((header::AUTHORIZATION, secret(value))),
        FeedAuth::Header(name, value) => Some((name.clone(), secret(value))),
        FeedAuth::Query(name, value) => {
            add_parameter(&mut plain.url, name, value.expose_secret());
            None
        }
    };
    let unwritten = || NoPage::of_page("its address cannot be written as a request");
    let request = Request::builder()
        .method(plain.method)
        .uri(plain.url.as_str())
        .header(header::ACCEPT, "application/json");
    let is_json = plain.body.is_some();
    let mut request = request
        .body(Bytes::from(plain.body.unwrap_or_default()))
        .map_err(|_| unwritten())?;
    let headers = request.headers_mut();
    if is_json {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    for (name, value) in &plain.headers {
        headers.insert(name, value.clone());
    }
    if let Some((name, value)) = shown {
        headers.insert(name, value.map_err(|_| unwritten())?);
    }
    Ok(request)
}

/// Whether the secret says that such an answer has no item. A cursor that is not found any more is no end of a
/// feed.
fn is_empty(secret: &FeedSecret, query: &Query<'_>, status: StatusCode) -> bool {
    let is_first = query.cursor.is_none();
    secret.empty.contains(&status) && (is_first || status == StatusCode::NO_CONTENT)
}

/// Whether asking again may help.
fn is_for_now(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

/// What an answer that is no page says.
fn refusal(status: StatusCode, secret: &FeedSecret) -> NoPage {
    let expected = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match secret.pages {
            Pages::Own => "expected that it takes the secret's bearerToken",
            Pages::Configured { .. } => "expected that it takes what the secret's auth shows",
        },
        status if status.is_redirection() => "redirects are not followed; expected the page itself",
        _ => "expected 200",
    };
    let of = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FaultOf::Feed,
        _ => FaultOf::Page,
    };
    NoPage::Fault(of, format!("it answered {}: {expected}", status.as_u16()))
}
