//! What the headers of an answer say of a 429, for every client alike.

use std::time::Duration;

use domain::retry::Throttle;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

/// `Retry-After`, and what Genesys Cloud says of its window's end (docs/genesys-cloud.md "Rate limit and retries").
const NAMES: [&str; 2] = ["retry-after", "inin-ratelimit-reset"];

/// Learns from an answer. `Some`: it is a 429, and no call is to be made for so long.
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
