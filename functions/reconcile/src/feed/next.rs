//! Finds the cursor of the page after a page, as pure functions.
//!
//! A page leads to the next by a cursor or link in its body, by the header `Link`, by the id of its
//! last item, or by the number of items. `io::secrets` says which of these the feed's secret chose.

use http::header::LINK;
use http::{HeaderMap, HeaderName};
use io::http::Url;
use io::secrets::{FeedSecret, Next, is_id};
use mapping::Item;
use serde_json::Value;

/// The longest cursor of a feed, in bytes. The record of an org with 100 campaigns holds one.
pub(crate) const MAX_CURSOR: usize = 4_096;

/// The parts of a page that may lead to the next.
pub(super) struct Place<'a> {
    pub(super) secret: &'a FeedSecret,
    /// The page's own address.
    pub(super) at: &'a Url,
    pub(super) headers: &'a HeaderMap,
    pub(super) text: &'a str,
    pub(super) items: &'a [Item<'a>],
    /// The cursor by which it was asked for.
    pub(super) cursor: Option<&'a str>,
}

impl Place<'_> {
    /// The cursor of the next page. `None` means that this page is the last.
    pub(super) fn next(&self, next: &Next) -> Result<Option<String>, String> {
        let cursor = match next {
            Next::Cursor(pointer) => text(self.text, pointer)?,
            Next::Link(pointer) => match text(self.text, pointer)? {
                Some(link) => Some(self.within(&link)?),
                None => None,
            },
            Next::LinkHeader(rel) => match link(self.headers, &LINK, rel)? {
                Some(link) => Some(self.within(&link)?),
                None => None,
            },
            // An API may return fewer items than asked for and still have more, so only an empty
            // page is the last.
            Next::Keyset(_) | Next::Offset if self.items.is_empty() => None,
            Next::Keyset(id) => self.last_id(id)?,
            Next::Offset => {
                let before: usize = self.cursor.map_or(Ok(0), str::parse).unwrap_or(0);
                Some((before + self.items.len()).to_string())
            }
        };
        let is_plain = |cursor: &String| {
            (1..=MAX_CURSOR).contains(&cursor.len()) && !cursor.contains(char::is_control)
        };
        match cursor {
            Some(cursor) if !is_plain(&cursor) => Err(format!(
                "next: expected 1 to {MAX_CURSOR} bytes without control characters, and there are {} bytes{}",
                cursor.len(),
                match next.is_link() {
                    true =>
                        " in the link's path and query: if it repeats the fields that request selects, select fewer",
                    false => "",
                }
            )),
            cursor => Ok(cursor),
        }
    }

    fn within(&self, link: &str) -> Result<String, String> {
        let within = self.secret.within(self.at, link);
        within.ok_or_else(|| {
            "next: the link leads to another origin, to which no token goes; expected the scheme, host and port of \
             request.url"
                .to_owned()
        })
    }

    fn last_id(&self, pointer: &str) -> Result<Option<String>, String> {
        let last = self.items.last().map(|item| text(item.text, pointer));
        let id = last.transpose()?.flatten().filter(|id| is_id(id));
        id.map(Some).ok_or_else(|| {
            "next.keyset: expected a pointer to the item's id, of 1 to 256 letters, digits, -, _ and ."
                .to_owned()
        })
    }
}

/// The text or number at a pointer. An absent value, null and an empty text are `None`.
fn text(json: &str, pointer: &str) -> Result<Option<String>, String> {
    let Some(text) = mapping::at(json, pointer).map_err(|fault| fault.to_string())? else {
        return Ok(None);
    };
    match serde_json::from_str(text) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Ok(Value::Number(_)) => Ok(Some(text.to_owned())),
        _ => Err("next: expected a pointer to a text, a number, null or nothing".to_owned()),
    }
}

/// The link with this relation in a header such as `Link` (RFC 8288 section 3).
fn link(headers: &HeaderMap, name: &HeaderName, rel: &str) -> Result<Option<String>, String> {
    for value in headers.get_all(name) {
        let links = value.to_str().ok().and_then(links);
        let links = links.ok_or("next: expected links in the header Link as RFC 8288 has them")?;
        let mut links = links.into_iter();
        let found = links.find(|(_, rels)| {
            let mut rels = rels.split_ascii_whitespace();
            rels.any(|other| other.eq_ignore_ascii_case(rel))
        });
        if let Some((link, _)) = found {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// Each link of a header value with its relations. `None` means that the value is malformed.
fn links(value: &str) -> Option<Vec<(String, String)>> {
    let (mut links, mut rest) = (Vec::new(), value);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(links);
        }
        let (link, after) = rest.strip_prefix('<')?.split_once('>')?;
        rest = after;
        let mut rels = None;
        loop {
            rest = rest.trim_start_matches([' ', '\t']);
            let Some(after) = rest.strip_prefix(';') else {
                break;
            };
            let after = after.trim_start_matches([' ', '\t']);
            let end = after.find(['=', ';', ',']).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            let (value, after) = match after.strip_prefix('=') {
                Some(after) => parameter(after.trim_start_matches([' ', '\t']))?,
                None => (String::new(), after),
            };
            if name.trim().eq_ignore_ascii_case("rel") {
                // Only the first `rel` of a link counts.
                rels.get_or_insert(value);
            }
            rest = after;
        }
        if !(rest.is_empty() || rest.starts_with(',')) {
            return None;
        }
        links.push((link.to_owned(), rels.unwrap_or_default()));
    }
}

/// A token or a quoted text, and the rest after it.
fn parameter(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (token, after) = text.split_at(end);
        return Some((token.trim_end().to_owned(), after));
    };
    let (mut value, mut chars) = (String::new(), quoted.char_indices());
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Some((value, &quoted[place + 1..])),
            '\\' => value.push(chars.next()?.1),
            char => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests;
