//! The member `request` of a feed's secret: the request for a page.
//!
//! It is read and checked once, and filled in for each page. Every value is escaped, and can change
//! neither the origin nor the number of path segments. So a credential never goes to another host.
//! This module adds no credentials (`auth` reads them, `reconcile::feed` adds them) and sends
//! nothing.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use serde_json::Value;

use super::super::members::{MalformedSecret, Members};
use super::address::{NAME, VALUE, address, base, encoded};
use super::body::Body;
use super::template::{self, Asked, Names, Template, Unfit};

/// The longest address, in characters. Few servers accept longer ones.
const MOST_URL: usize = 16_384;

/// Headers that a secret may not name: they say where a request ends, who sends it or where it
/// goes.
const NOT_OURS: [&str; 9] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A request for a page, without credentials.
#[derive(Clone)]
pub struct Plain {
    /// Its method.
    pub method: Method,
    /// Its address.
    pub url: Url,
    /// The headers that the secret names.
    pub headers: HeaderMap,
    /// Its body, as JSON.
    pub body: Option<String>,
}

#[derive(Clone)]
pub(super) struct Request {
    method: Method,
    url: Template,
    /// The address with some text in place of each placeholder. Every page has its scheme, host and
    /// port.
    base: Url,
    query: Vec<(String, Template)>,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Body>,
}

impl Request {
    /// Reads the form that is an address alone.
    pub(super) fn of_url(text: &str, is_local: bool) -> Option<Request> {
        let base = address(text, is_local)?;
        let pair = |name: &str, text| Some((name.to_owned(), Template::parse(text)?));
        Some(Request {
            method: Method::GET,
            // Braces in such an address are no placeholders.
            url: Template::parse(&text.replace('{', "{{"))?,
            base,
            query: vec![
                pair("campaignId", "{campaignId}")?,
                pair("since", "{since}")?,
                ("cursor".to_owned(), Template::of_cursor()),
            ],
            headers: Vec::new(),
            body: None,
        })
    }

    pub(super) fn read(
        members: &mut Members<'_>,
        is_local: bool,
    ) -> Result<Request, MalformedSecret> {
        members.only(&["method", "url", "query", "headers", "body"])?;
        const METHOD: &str = "\"GET\" or \"POST\"";
        const URL: &str = "a URL that begins with https://, without user, password or fragment, and with placeholders only in its \
                           path and query (http:// on loopback only with GENESYS_BASE_URL)";
        let method = members.text("method", METHOD, |method| match method {
            "GET" => Some(Method::GET),
            "POST" => Some(Method::POST),
            _ => None,
        })?;
        let method = method.unwrap_or(Method::GET);
        let url = members.told("url", URL, |text| {
            let template = Template::parse(text).ok_or(template::EXPECTED)?;
            let base = base(text, &template, is_local).ok_or(URL)?;
            Ok((template, base))
        })?;
        let (url, base) = url.ok_or_else(|| Members::wrong("url", URL))?;
        let query = members.object("query", query)?.unwrap_or_default();
        let headers = members.object("headers", headers)?.unwrap_or_default();
        let body = members.json("body", |text| {
            Body::read(text).map_err(|why| format!("body: {why}"))
        })?;
        if body.is_some() && method == Method::GET {
            return Err(Members::wrong("body", "none beside method GET"));
        }
        Ok(Request {
            method,
            url,
            base,
            query,
            headers,
            body,
        })
    }

    pub(super) fn has_cursor(&self) -> bool {
        self.has(Template::has_cursor)
    }

    pub(super) fn has_campaign(&self) -> bool {
        self.has(Template::has_campaign)
    }

    fn has(&self, what: fn(&Template) -> bool) -> bool {
        let query = self.query.iter().map(|(_, template)| template);
        let headers = self.headers.iter().map(|(_, template)| template);
        let mut templates = query.chain(headers).chain([&self.url]);
        templates.any(what) || self.body.as_ref().is_some_and(|body| body.has(what))
    }

    /// Adds a parameter that holds the cursor. Returns `false` if there is one of this name
    /// already.
    pub(super) fn add_cursor(&mut self, name: &str) -> bool {
        let is_new = self.query.iter().all(|(other, _)| other != name);
        self.query.push((name.to_owned(), Template::of_cursor()));
        is_new
    }

    /// The request for a page.
    pub(super) fn filled(&self, asked: &Asked<'_>, names: &dyn Names) -> Result<Plain, Unfit> {
        self.plain(self.address(asked, names)?, asked, names)
    }

    /// The request for the page at this path and query, at the same origin.
    pub(super) fn linked(
        &self,
        link: &str,
        asked: &Asked<'_>,
        names: &dyn Names,
    ) -> Result<Plain, Unfit> {
        let at = link.starts_with('/').then(|| {
            let origin = self.base.origin().ascii_serialization();
            Url::parse(&format!("{origin}{link}")).ok()
        });
        let url = at.flatten().filter(|url| self.is_same_origin(url));
        self.plain(url.ok_or(Unfit::Cursor)?, asked, names)
    }

    fn is_same_origin(&self, url: &Url) -> bool {
        let is_plain = url.username().is_empty() && url.password().is_none();
        is_plain && url.origin() == self.base.origin()
    }

    /// Path and query of a link on a page. `None` means that it leads elsewhere. `page` is the
    /// page's own address, and `without` is a parameter that is left out.
    pub(super) fn within(&self, page: &Url, link: &str, without: Option<&str>) -> Option<String> {
        let url = page
            .join(link)
            .ok()
            .filter(|url| self.is_same_origin(url))?;
        let Some(query) = url.query() else {
            return Some(url.path().to_owned());
        };
        let is_left_out = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
            let name = percent_decode_str(&name).decode_utf8_lossy();
            without.is_some_and(|without| without == name)
        };
        let pairs: Vec<_> = query.split('&').filter(|pair| !is_left_out(pair)).collect();
        Some(format!("{}?{}", url.path(), pairs.join("&")))
    }

    fn plain(&self, url: Url, asked: &Asked<'_>, names: &dyn Names) -> Result<Plain, Unfit> {
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            if template.is_cursor() && asked.cursor.is_none() {
                continue;
            }
            let value = template.filled(asked, names, str::to_owned)?;
            if value.contains(char::is_control) {
                return Err(Unfit::Header);
            }
            let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Unfit::Header)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let body = match &self.body {
            Some(body) => body.filled(asked, names)?.map(|body| body.to_string()),
            None => None,
        };
        Ok(Plain {
            method: self.method.clone(),
            url,
            headers,
            body,
        })
    }

    fn address(&self, asked: &Asked<'_>, names: &dyn Names) -> Result<Url, Unfit> {
        let text = self
            .url
            .filled(asked, names, |value| encoded(value, &VALUE))?;
        let mut url = Url::parse(&text).map_err(|_| Unfit::Url)?;
        let steps = |url: &Url| url.path_segments().map_or(0, Iterator::count);
        // A value such as `..` would take path segments away.
        if !self.is_same_origin(&url) || steps(&url) != steps(&self.base) {
            return Err(Unfit::Url);
        }
        let mut query = url.query().unwrap_or_default().to_owned();
        for (name, template) in &self.query {
            if template.is_cursor() && asked.cursor.is_none() {
                continue;
            }
            let value = template.filled(asked, names, str::to_owned)?;
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(&encoded(name, &NAME));
            query.push('=');
            query.push_str(&encoded(&value, &VALUE));
        }
        url.set_query((!query.is_empty()).then_some(&query));
        (url.as_str().len() <= MOST_URL)
            .then_some(url)
            .ok_or(Unfit::Url)
    }
}

fn query(members: &mut Members<'_>) -> Result<Vec<(String, Template)>, MalformedSecret> {
    const EXPECTED: &str = "texts, numbers, true or false";
    let scalar = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let pair = |(name, text): (String, String)| {
        let template = Template::parse(&text);
        let template = template.ok_or_else(|| Members::malformed(template::EXPECTED))?;
        Ok((name, template))
    };
    members
        .rest(EXPECTED, scalar)?
        .into_iter()
        .map(pair)
        .collect()
}

fn headers(members: &mut Members<'_>) -> Result<Vec<(HeaderName, Template)>, MalformedSecret> {
    const EXPECTED: &str = "texts without control characters";
    const NAMES: &str =
        "names of headers, and none for credentials (use auth) or for the framing of the request";
    let text = |text: String| (!text.contains(char::is_control)).then_some(text);
    let mut all: Vec<(HeaderName, Template)> = Vec::new();
    for (name, text) in members.rest(EXPECTED, text)? {
        let template =
            Template::parse(&text).ok_or_else(|| Members::malformed(template::EXPECTED))?;
        let name = header(&name).ok_or_else(|| Members::malformed(NAMES))?;
        if all.iter().any(|(other, _)| *other == name) {
            return Err(Members::malformed("each header once"));
        }
        all.push((name, template));
    }
    Ok(all)
}

/// A header that a secret may name. `None` means that it may not.
pub(super) fn header(name: &str) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    (!NOT_OURS.contains(&name.as_str())).then_some(name)
}
