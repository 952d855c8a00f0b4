//! Finds out whether a request is let in and what its body becomes, and signs one as its source
//! would.
//!
//! Nothing is printed here (`super::shown`), and nothing is sent.

use std::borrow::Cow;

use domain::change::{Fault, Sender, SourceName};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ingest::auth::{self, Authenticity, Shown, SignedRequest};
use ingest::body;
use ingest::cloud_event::Form;
use ingest::webhook::{self, Body, Reading, Unmapped};
use io::secrets::SourceSecret;
use jiff::Timestamp;
use mapping::Mapping;

use super::credentials;
use super::refused::Refused;
use super::shown::SourceTest;

/// A request as it would come to ingest.
pub(crate) struct TestRequest<'a> {
    pub(crate) source: SourceName,
    /// The headers of the request.
    pub(crate) given: &'a [(HeaderName, HeaderValue)],
    pub(crate) query: &'a str,
    pub(crate) body: &'a str,
    pub(crate) now: Timestamp,
}

impl TestRequest<'_> {
    /// The headers of the request. If no media type is given, the one that most senders use is
    /// added.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in self.given {
            headers.append(name.clone(), value.clone());
        }
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
        headers
    }
}

/// Finds out whether a request is let in, and what its body becomes. An item that ingest parked is
/// read as redrive would read it.
pub(crate) fn examine<R>(
    secret: &SourceSecret,
    asked: &TestRequest<'_>,
    tell: impl FnOnce(&SourceTest<'_>) -> R,
) -> R {
    let headers = asked.headers();
    let sender = secret.sender(asked.source.clone());
    let form = body::form(&headers, asked.body.as_bytes()).map_err(Refused::from);
    let verdict = verdict(secret, asked, &headers);
    // If the request holds no credentials, there are none to take out of the body.
    let content = match verdict {
        None => Cow::Borrowed(asked.body),
        Some(_) => auth::content(&secret.auth, asked.body),
    };
    let read = form.and_then(|form| taken(secret, &sender, (&form, &headers, &content), asked.now));
    let (items, reading, refused) = match read {
        Ok((items, reading)) => (items, reading, None),
        Err(refused) => (Vec::new(), Reading::default(), Some(refused)),
    };
    let unread = unread(secret, asked.given);
    tell(&SourceTest {
        way: crate::check::way(&secret.auth),
        verdict,
        unread: &unread,
        refused: refused.as_ref(),
        on_fault: secret.on_fault,
        items: &items,
        reading: &reading,
    })
}

/// The changes that a body becomes, and the place of each of its items.
fn taken(
    secret: &SourceSecret,
    sender: &Sender,
    (form, headers, text): (&Result<Form, Fault>, &HeaderMap, &str),
    now: Timestamp,
) -> Result<(Vec<String>, Reading), Refused> {
    let body = Body {
        form,
        text,
        headers,
    };
    let taken = webhook::take_apart(secret, sender, &body, now)?;
    let pointers = taken.items.into_iter().map(|item| item.pointer);
    Ok((pointers.collect(), taken.reading))
}

/// Finds out what an item that ingest parked becomes now.
pub(crate) fn examine_parked<R>(
    parked: &Unmapped,
    secret: &SourceSecret,
    source: &SourceName,
    now: Timestamp,
    tell: impl FnOnce(&SourceTest<'_>) -> R,
) -> R {
    let (items, reading) = parked.read_again(secret, &secret.sender(source.clone()), now);
    tell(&SourceTest {
        way: crate::check::way(&secret.auth),
        verdict: None,
        unread: &[],
        refused: None,
        on_fault: secret.on_fault,
        items: &items,
        reading: &reading,
    })
}

/// Headers that were given, but that neither the source's auth nor its mapping reads.
fn unread<'a>(
    secret: &SourceSecret,
    given: &'a [(HeaderName, HeaderValue)],
) -> Vec<&'a HeaderName> {
    let of_auth = auth::headers(&secret.auth);
    let of_mapping = secret.mapping.as_ref().map(Mapping::headers);
    let is_read = |name: &HeaderName| {
        of_auth.contains(name)
            || *name == CONTENT_TYPE
            || name.as_str().starts_with(ingest::cloud_event::PREFIX)
            || of_mapping.is_some_and(|names| names.iter().any(|read| read == name.as_str()))
    };
    let given = given.iter().map(|(name, _)| name);
    given.filter(|name| !is_read(name)).collect()
}

/// The media type of a request, and the request as the source would send it, with all other given
/// headers.
///
/// A body that ingest would refuse is an error.
pub(crate) fn signed(
    secret: &SourceSecret,
    asked: &TestRequest<'_>,
) -> Result<(String, SignedRequest), String> {
    let headers = asked.headers();
    let sender = secret.sender(asked.source.clone());
    let form = body::form(&headers, asked.body.as_bytes()).map_err(Refused::from);
    let form = form.map_err(|refused| refused.to_string())?;
    let taken = taken(secret, &sender, (&form, &headers, asked.body), asked.now);
    taken.map_err(|refused| refused.to_string())?;
    let text = |name: &HeaderName, value: &HeaderValue| {
        let text = value.to_str().map(str::to_owned);
        text.map_err(|_| format!("{name}: expected visible ASCII"))
    };
    let mut sent = auth::sent(&secret.auth, asked.body, asked.now)?;
    let of_auth = auth::headers(&secret.auth);
    let others = asked.given.iter().filter(|(name, _)| {
        // The HTTP client sets the last three by itself.
        !of_auth.contains(name) && ![CONTENT_TYPE, CONTENT_LENGTH, HOST].contains(name)
    });
    for (name, value) in others {
        sent.headers.push((name.to_string(), text(name, value)?));
    }
    let media_type = text(&CONTENT_TYPE, &headers[CONTENT_TYPE])?;
    Ok((media_type, sent))
}

/// Whether the request is let in. `None` means that it holds no credentials.
fn verdict(
    secret: &SourceSecret,
    asked: &TestRequest<'_>,
    headers: &HeaderMap,
) -> Option<Authenticity> {
    let verdict = auth::judge(
        &secret.auth,
        &Shown {
            method: &Method::POST,
            headers,
            query: asked.query,
            body: asked.body.as_bytes(),
            now: asked.now,
        },
    );
    let is_shown = credentials::are_present(&secret.auth, headers, asked.query, &verdict);
    is_shown.then_some(verdict)
}
