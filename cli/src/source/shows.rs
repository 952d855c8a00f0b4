//! Finds out whether a request holds credentials, as the source's `auth` expects them.

use http::HeaderMap;
use ingest::auth::{Verdict, Why};
use io::secrets::Auth;

/// Whether the request holds any credentials, right or wrong.
pub(super) fn is_shown(auth: &Auth, headers: &HeaderMap, query: &str, verdict: &Verdict) -> bool {
    let mut read = ingest::auth::headers(auth).into_iter();
    match auth {
        Auth::Query(_) => !query.is_empty(),
        Auth::Body(_) => !matches!(verdict, Verdict::Stranger(Why::Lacks(_))),
        _ => read.any(|name| headers.contains_key(name)),
    }
}
