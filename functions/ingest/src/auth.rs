//! Authenticates requests, by pure functions: the clock is an argument.
//!
//! Every check is over the raw bytes, before the changes are parsed. Comparisons take constant
//! time, so the time does not reveal which secret was right, or how much of it.
//!
//! Each kind of source has a module: `signature` and `standard` for signatures, `token` for
//! passwords and tokens in a header or the query, and `body` for tokens in the body. `sender` makes
//! requests that are accepted. Secrets are read in `sources`.

mod body;
mod sender;
mod signature;
mod standard;
mod token;

pub use sender::{SignedRequest, sent};

use std::borrow::Cow;
use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Method};
use io::secrets::{Auth, LONGEST_TOLERANCE, TimePlace};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use crate::LONGEST_SECONDS;

/// How far the time of a signature may be ahead of the receiver's clock, and how far behind.
/// Together with the duration of a request this is less than the five minutes for which SQS drops
/// duplicates. So a request that an eavesdropper sends again has no effect
/// (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-key-terms.html).
const AHEAD_SECONDS: i64 = 60;
const BEHIND_SECONDS: i64 = LONGEST_TOLERANCE;
const _: () = assert!(AHEAD_SECONDS + BEHIND_SECONDS + LONGEST_SECONDS < 300);

/// The parts of a request by which its sender may authenticate itself.
pub struct Shown<'a> {
    /// The HTTP method.
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

/// The result of checking a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authenticity {
    /// The sender knows one of the source's secrets.
    Authentic,
    /// The sender knows a secret of the source that is too short to be accepted.
    SignedShort,
    /// The sender may be anybody.
    Stranger(Why),
}

/// The reason to refuse a request, for the operator. It holds nothing that the request shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The request lacks something that the source's secret demands.
    Lacks(Cow<'static, str>),
    /// The signed time is this many seconds ahead of the clock here, and may be this many behind.
    Off {
        /// A number below 0 means behind.
        ahead: i64,
        /// The most seconds that it may be behind.
        behind: i64,
    },
    /// The signature, password or token is wrong.
    Wrong,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Lacks(what) => f.write_str(what),
            Why::Off { ahead, behind } => write!(
                f,
                "its signature is dated {} s {} this clock: expected at most {} s ahead, and at most {behind} s behind; \
                 look at the sender's clock",
                ahead.unsigned_abs(),
                if *ahead < 0 { "behind" } else { "ahead of" },
                ahead_of(*behind)
            ),
            Why::Wrong => f.write_str(
                "the secret or token is wrong or of another kind, or the body or headers were changed on the way",
            ),
        }
    }
}

/// Whether the sender of the request knows one of the source's secrets.
pub fn judge(auth: &Auth, shown: &Shown<'_>) -> Authenticity {
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
        Ok(true) => Authenticity::Authentic,
        Ok(false) => Authenticity::Stranger(Why::Wrong),
        Err(why) => Authenticity::Stranger(why),
    }
}

/// The names of the headers by which the sender authenticates itself.
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

/// The body without the token in it. Nothing may store the token.
pub fn content<'a>(auth: &Auth, body: &'a str) -> Cow<'a, str> {
    match auth {
        Auth::Body(token) => Cow::Owned(body::without(body, &token.path)),
        _ => Cow::Borrowed(body),
    }
}

/// How far ahead a time may be, if it may be this far behind.
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

/// The bytes of several texts.
fn bytes(texts: &[SecretString]) -> impl Iterator<Item = &[u8]> {
    texts.iter().map(|text| text.expose_secret().as_bytes())
}
