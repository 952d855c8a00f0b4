//! Addresses of a feed: which of them a secret may be sent to, and how values are encoded in them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use super::template::{Asked, Names, Template};

/// The characters that are left as they are in a path and in a query (RFC 3986 section 2.3).
pub(super) const VALUE: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The characters that are left as they are in a parameter's name. Some servers only know a name
/// such as `$filter` unescaped.
pub(super) const NAME: AsciiSet = VALUE.remove(b'$');

/// Adds a parameter at the end of a query.
pub fn add_parameter(url: &mut Url, name: &str, value: &str) {
    let pair = format!("{}={}", encoded(name, &NAME), encoded(value, &VALUE));
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&{pair}"),
        _ => pair,
    };
    url.set_query(Some(&query));
}

/// The text encoded as a value of a form or query.
pub(super) fn value(text: &str) -> String {
    encoded(text, &VALUE)
}

pub(super) fn encoded(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

/// An address to which a secret may be sent. `None` means that it is none.
pub(super) fn address(text: &str, is_local: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let is_allowed = url.scheme() == "https" || (url.scheme() == "http" && is_local && is_loopback);
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (is_allowed && is_plain).then_some(url)
}

pub(super) fn base(text: &str, template: &Template, is_local: bool) -> Option<Url> {
    // The text before the first placeholder must hold the whole origin.
    let (_, after) = template.beginning().split_once("://")?;
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if !after.contains(['/', '?']) || text.contains(is_odd) {
        return None;
    }
    let campaign = domain::change::CampaignId::parse("x").ok()?;
    let asked = Asked {
        campaign: &campaign,
        since: jiff::Timestamp::UNIX_EPOCH,
        cursor: Some("x"),
    };
    address(
        &template.filled(&asked, &Any, |_| "x".to_owned()).ok()?,
        is_local,
    )
}

/// A stand-in for a campaign's texts. It has one for every name.
struct Any;

impl Names for Any {
    fn text(&self, _: &domain::change::CampaignId, _: &str) -> Option<&str> {
        Some("x")
    }
}
