//! What of a request shows who sends it, by the source's `auth`.

use http::HeaderMap;
use ingest::auth::{Verdict, Why};
use io::secrets::Auth;

/// Whether anything is shown of who sends it, right or wrong.
pub(super) fn is_shown(auth: &Auth, headers: &HeaderMap, query: &str, verdict: &Verdict) -> bool {
    let mut read = ingest::auth::headers(auth).into_iter();
    match auth {
        Auth::Query(_) => !query.is_empty(),
        Auth::Body(_) => !matches!(verdict, Verdict::Stranger(Why::Lacks(_))),
        _ => read.any(|name| headers.contains_key(name)),
    }
}
