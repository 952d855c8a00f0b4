//! Finds out whether a request holds credentials, as the source's `auth` expects them.

use http::HeaderMap;
use ingest::auth::{Authenticity, Why};
use io::secrets::Auth;

/// Whether the request holds any credentials, right or wrong.
pub(super) fn are_present(
    auth: &Auth,
    headers: &HeaderMap,
    query: &str,
    verdict: &Authenticity,
) -> bool {
    let mut read = ingest::auth::headers(auth).into_iter();
    match auth {
        Auth::Query(_) => !query.is_empty(),
        Auth::Body(_) => !matches!(verdict, Authenticity::Stranger(Why::Lacks(_))),
        _ => read.any(|name| headers.contains_key(name)),
    }
}
