//! Whether a request is of who it says it is, as pure functions: the clock is an argument.
//!
//! Everything is over the raw bytes, before any parsing of the changes, and in time that does not
//! tell which secret, or how much of one, was right.

mod body;
mod sender;
mod signature;
mod standard;
mod token;

pub use sender::{Sent, sent};

use std::borrow::Cow;
use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Method};
use io::secrets::{Auth, LONGEST_TOLERANCE, TimePlace};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use crate::LONGEST_SECONDS;

/// How far a signature's time may be ahead of the receiver's clock, and how far behind. Together
/// with the time that a request takes they are less than the five minutes for which
/// SQS remembers what it has: a request that is sent again by whoever overheard it does nothing
/// (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-key-terms.html).
const AHEAD_SECONDS: i64 = 60;
const BEHIND_SECONDS: i64 = LONGEST_TOLERANCE;
const _: () = assert!(AHEAD_SECONDS + BEHIND_SECONDS + LONGEST_SECONDS < 300);

/// What a request shows of who sends it, before it is known whether that is true.
pub struct Shown<'a> {
    /// The method.
    pub method: &'a Method,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The query of the URL as it came, percent-encoded.
    pub query: &'a str,
    /// The raw body.
    pub body: &'a [u8],
    /// The receiver's clock.
    pub now: Timestamp,
}

/// Who a request is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody who knows one of the source's secrets.
    Authentic,
    /// Somebody who knows one that is too short to let anybody in.
    SignedShort,
    /// Anybody.
    Stranger(Why),
}

/// What speaks against a request, for the operator: nothing that it shows itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It lacks what the source's secret asks for.
    Lacks(Cow<'static, str>),
    /// Its signed time is so many seconds ahead of this clock, which may be so many behind.
    Off {
        /// Below 0: behind.
        ahead: i64,
        /// The most that it may be behind.
        behind: i64,
    },
    /// What it shows is not right.
    Wrong,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Lacks(what) => f.write_str(what),
            Why::Off { ahead, behind } => write!(
                f,
                "its signature is dated {ahead} s ahead of this clock: expected at most {} s ahead, and at most \
                 {behind} s behind; look at the sender's clock",
                ahead_of(*behind)
            ),
            Why::Wrong => f.write_str(
                "another secret or token, another kind of them, or a body or headers that were changed on their way",
            ),
        }
    }
}

/// Whether the request is of somebody who knows one of the source's secrets.
pub fn judge(auth: &Auth, shown: &Shown<'_>) -> Verdict {
    let verdict = match auth {
        Auth::StandardWebhooks(secrets) => return standard::judge(secrets, shown),
        Auth::Bearer(tokens) => token::bearer(tokens, shown),
        Auth::Signature(signature) => signature::judge(signature, shown),
        Auth::Basic(users) => token::basic(users, shown),
        Auth::Header(token) => token::header(token, shown),
        Auth::Query(token) => token::query(token, shown),
        Auth::Body(token) => body::judge(token, shown),
    };
    match verdict.map(bool::from) {
        Ok(true) => Verdict::Authentic,
        Ok(false) => Verdict::Stranger(Why::Wrong),
        Err(why) => Verdict::Stranger(why),
    }
}

/// The names of the headers that show who sends.
pub fn headers(auth: &Auth) -> Vec<HeaderName> {
    match auth {
        Auth::StandardWebhooks(_) => {
            let names = standard::HEADERS.as_flattened();
            names
                .iter()
                .map(|name| HeaderName::from_static(name))
                .collect()
        }
        Auth::Bearer(_) | Auth::Basic(_) => vec![AUTHORIZATION],
        Auth::Header(token) => vec![token.name.clone()],
        Auth::Signature(signature) => {
            let scheme = &signature.scheme;
            let time = scheme.time.iter().filter_map(|time| match &time.place {
                TimePlace::Header(name) => Some(name),
                TimePlace::Beside(_) => None,
            });
            let names = [&scheme.header].into_iter().chain(&scheme.id).chain(time);
            names.cloned().collect()
        }
        Auth::Query(_) | Auth::Body(_) => Vec::new(),
    }
}

/// What the body says, without the token that stands in it: that is nobody's to store.
pub fn content<'a>(auth: &Auth, body: &'a str) -> Cow<'a, str> {
    match auth {
        Auth::Body(token) => Cow::Owned(body::without(body, &token.path)),
        _ => Cow::Borrowed(body),
    }
}

/// How far a time may be ahead that may be so far behind.
fn ahead_of(behind: i64) -> i64 {
    behind.min(AHEAD_SECONDS)
}

fn is_any_of<'a>(
    expected: impl Iterator<Item = impl AsRef<[u8]>>,
    shown: impl Iterator<Item = &'a [u8]> + Clone,
) -> Choice {
    let mut is_any = Choice::from(0);
    for expected in expected {
        for shown in shown.clone() {
            is_any |= expected.as_ref().ct_eq(shown);
        }
    }
    is_any
}

/// The bytes of texts.
fn bytes(texts: &[SecretString]) -> impl Iterator<Item = &[u8]> {
    texts.iter().map(|text| text.expose_secret().as_bytes())
}
