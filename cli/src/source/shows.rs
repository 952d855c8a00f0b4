//! What of a request shows who sends it, by the source's `auth`.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use ingest::auth::{Verdict, Why};
use io::secrets::{Auth, TimePlace};

/// The headers of Standard Webhooks, and of those that sign with Svix.
const STANDARD: [&str; 6] = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "svix-id",
    "svix-timestamp",
    "svix-signature",
];

/// The names of the headers that it reads.
pub(super) fn headers(auth: &Auth) -> Vec<HeaderName> {
    match auth {
        Auth::StandardWebhooks(_) => STANDARD.map(HeaderName::from_static).to_vec(),
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

/// Whether anything is shown of who sends it, right or wrong.
pub(super) fn is_shown(auth: &Auth, headers: &HeaderMap, query: &str, verdict: &Verdict) -> bool {
    let mut read = self::headers(auth).into_iter();
    match auth {
        Auth::Query(_) => !query.is_empty(),
        Auth::Body(_) => !matches!(verdict, Verdict::Stranger(Why::Lacks(_))),
        _ => read.any(|name| headers.contains_key(name)),
    }
}
