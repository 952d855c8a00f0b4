//! Reads the headers of a 429, in the same way for every client.

use std::time::Duration;

use domain::retry::Throttle;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

/// `Retry-After`, and the end of the window as Genesys Cloud names it (docs/genesys-cloud.md "Rate
/// limit and retries").
const NAMES: [&str; 2] = ["retry-after", "inin-ratelimit-reset"];

/// Records an answer. If it is a 429, returns how long to make no call.
pub fn throttled(
    throttle: &mut Throttle,
    now: Timestamp,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS {
        throttle.answered(now);
        return None;
    }
    let named = NAMES
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok());
    Some(throttle.refused(now, named))
}
