//! The secret `{prefix}/feed/{org}`. It says where and how reconcile reads the current state of the
//! CRM.
//!
//! It has two forms: a URL and a token for a feed that answers as campaign-sync asks for, or a
//! configuration that describes a CRM's own API (docs/contract.md "CRM feed"). This module reads
//! and checks the secret and writes requests from it. It sends nothing: `reconcile::feed` does
//! that.
//!
//! - `request` reads the member `request` and writes what is sent; `template` and `body` fill in
//!   its placeholders.
//! - `auth` reads the credentials; `oauth` and `jwt` ask for tokens.
//! - `next` reads how a page leads to the next.

mod address;
mod auth;
mod body;
mod campaigns;
mod jwt;
mod next;
mod oauth;
mod request;
mod template;

pub use address::add_parameter;
pub use auth::FeedAuth;
pub use next::{Next, is_id};
pub use oauth::{FeedToken, NoToken, OAuth2, TokenRequest};
pub use request::Plain;
pub use template::{Asked, Unfit};

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use jiff::SignedDuration;
use mapping::Mapping;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::members::{MalformedSecret, Members};
use campaigns::CampaignTexts;
use request::Request;

/// The members of a feed that answers as campaign-sync asks for.
const OWN: [&str; 2] = ["url", "bearerToken"];
/// The members of a feed by configuration.
const CONFIGURED: [&str; 9] = [
    "auth",
    "request",
    "campaigns",
    "items",
    "next",
    "mapping",
    "overlapSeconds",
    "minIntervalMs",
    "empty",
];
const FORMS: &str =
    "url and bearerToken, or request, auth and the other members of a feed by configuration";
const TOKEN: &str = "a token of visible ASCII characters";

/// The secret of an org's CRM feed, read and checked.
#[derive(Clone)]
pub struct FeedSecret {
    /// The credentials of its requests.
    pub auth: FeedAuth,
    /// The request for a page. It may hold a tenant's name or a secret, so it is never shown.
    request: Request,
    campaigns: CampaignTexts,
    /// The way in which its pages are read.
    pub pages: Pages,
    /// How much earlier a request asks for changes than the run does. A CRM may list a change late.
    overlap: SignedDuration,
    /// The least time between two requests.
    pub min_interval: Duration,
    /// Statuses of an answer that mean that there are no items and no further page.
    pub empty: Vec<StatusCode>,
    /// The fingerprint of the secret: the same content has the same one.
    pub print: String,
}

/// The form of a feed's pages.
#[derive(Clone)]
pub enum Pages {
    /// The form `{"contacts": [ … ], "next": …}` (docs/contract.md "CRM feed").
    Own,
    /// The CRM's own form.
    Configured {
        /// A JSON pointer to the list of the items. `None` means that the page is that list.
        items: Option<String>,
        /// How a page leads to the next. `None` means that there is one page.
        next: Option<Next>,
        /// How an item becomes changes. `None` means that each item is a change.
        mapping: Option<Mapping>,
    },
}

impl FeedSecret {
    /// Reads the JSON of a secret. If `is_local` is set, the feed may be on loopback without TLS.
    ///
    /// # Errors
    /// A message that names the first member that is missing, unknown or not as expected.
    pub fn parse(text: &SecretString, is_local: bool) -> Result<FeedSecret, MalformedSecret> {
        let mut members = Members::of(text)?;
        let print = domain::sha256_hex(text.expose_secret().as_bytes());
        let has_any = |names: &[&str]| names.iter().any(|name| members.has(name));
        let secret = match (has_any(&CONFIGURED), has_any(&OWN)) {
            (true, _) => {
                members.only(&CONFIGURED)?;
                FeedSecret::configured(&mut members, print, is_local)?
            }
            (false, true) => {
                members.only(&OWN)?;
                FeedSecret::own(&mut members, print, is_local)?
            }
            (false, false) => {
                members.only_of(&[], FORMS)?;
                return Err(Members::malformed(FORMS));
            }
        };
        members.end()?;
        Ok(secret)
    }

    /// Reads a URL and a token, for a feed that answers as campaign-sync asks for.
    fn own(
        members: &mut Members<'_>,
        print: String,
        is_local: bool,
    ) -> Result<FeedSecret, MalformedSecret> {
        const URL: &str = "a URL that begins with https://, without user, password or fragment";
        Ok(FeedSecret {
            request: members.required("url", URL, |text| Request::of_url(text, is_local))?,
            auth: members.required("bearerToken", TOKEN, FeedAuth::bearer)?,
            campaigns: CampaignTexts::default(),
            pages: Pages::Own,
            overlap: SignedDuration::ZERO,
            min_interval: Duration::ZERO,
            empty: Vec::new(),
            print,
        })
    }

    fn configured(
        members: &mut Members<'_>,
        print: String,
        is_local: bool,
    ) -> Result<FeedSecret, MalformedSecret> {
        const AUTH: &str = "an object with its kind, such as {\"kind\": \"none\"}";
        const OVERLAP: &str = "a whole number of seconds, 0 to 86400";
        const INTERVAL: &str = "a whole number of milliseconds, 0 to 60000";
        const EMPTY: &str = "a list of 204, 304 and 404, each once at most";
        let request = members.object("request", |request| Request::read(request, is_local))?;
        let mut request = request.ok_or_else(|| Members::wrong("request", "an object"))?;
        let auth = members.object("auth", |auth| FeedAuth::read(auth, is_local))?;
        let overlap = members.optional("overlapSeconds", OVERLAP, |seconds: u32| {
            (seconds <= 86_400).then(|| SignedDuration::from_secs(seconds.into()))
        })?;
        let interval = members.optional("minIntervalMs", INTERVAL, |milliseconds: u64| {
            (milliseconds <= 60_000).then(|| Duration::from_millis(milliseconds))
        })?;
        let empty = members.optional("empty", EMPTY, |codes: Vec<u16>| {
            let is_empty = |code: &u16| [204, 304, 404].contains(code);
            let is_right = codes.iter().all(is_empty) && codes.len() <= 3;
            let codes = codes.into_iter().map(StatusCode::from_u16);
            codes
                .collect::<Result<Vec<_>, _>>()
                .ok()
                .filter(|_| is_right)
        })?;
        let mapping = members.json("mapping", |text| {
            let mapping = Mapping::parse(text).map_err(|refused| refused.to_string())?;
            let of_webhooks = mapping.of_webhooks();
            of_webhooks.map_or(Ok(mapping), |name| Err(not_of_a_feed(name)))
        })?;
        let items = members.text("items", next::POINTER, next::pointer)?;
        let within = mapping.as_ref().and_then(Mapping::pointer);
        if items.is_some() && within.is_some() {
            return Err(Members::wrong("items", "none beside mapping.items"));
        }
        let items = items.or_else(|| within.map(str::to_owned));
        let (next, param) = members.object("next", next::read)?.unzip();
        next::check_cursor(&mut request, next.as_ref(), param.flatten().as_deref())?;
        Ok(FeedSecret {
            auth: auth.ok_or_else(|| Members::wrong("auth", AUTH))?,
            request,
            campaigns: members
                .object("campaigns", campaigns::read)?
                .unwrap_or_default(),
            pages: Pages::Configured {
                items,
                next,
                mapping,
            },
            overlap: overlap.unwrap_or_default(),
            min_interval: interval.unwrap_or_default(),
            empty: empty.unwrap_or_default(),
            print,
        })
    }

    /// The request for a page, without credentials.
    ///
    /// # Errors
    /// The request needs a value that is missing, or that is not allowed in its place.
    pub fn request(&self, asked: &Asked<'_>) -> Result<Plain, Unfit> {
        let since = asked.since.saturating_sub(self.overlap);
        let since = since.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let asked = Asked {
            since: since.max(jiff::Timestamp::UNIX_EPOCH.min(asked.since)),
            ..*asked
        };
        let Pages::Configured {
            next: Some(next), ..
        } = &self.pages
        else {
            return self.request.filled(&asked, &self.campaigns);
        };
        match asked.cursor {
            Some(cursor) if !next.takes(cursor) => Err(Unfit::Cursor),
            Some(link) if next.is_link() => self.request.linked(link, &asked, &self.campaigns),
            _ => self.request.filled(&asked, &self.campaigns),
        }
    }

    /// Path and query of a link on a page. `None` means that the link leads to another scheme, host
    /// or port. `page` is the page's own address. A credential in the link's query is left out,
    /// since one is added to each request.
    pub fn within(&self, page: &Url, link: &str) -> Option<String> {
        let own = match &self.auth {
            FeedAuth::Query(name, _) => Some(name.as_str()),
            _ => None,
        };
        self.request.within(page, link, own)
    }

    /// Whether a request names its campaign. If it does not, every campaign of a run gets the same
    /// contacts.
    pub fn asks_for_a_campaign(&self) -> bool {
        self.request.has_campaign()
    }

    /// How many campaigns it has texts for.
    pub fn campaigns(&self) -> usize {
        self.campaigns.count()
    }

    /// A summary of the secret, without any value.
    pub fn seen(&self) -> String {
        let Pages::Configured { next, mapping, .. } = &self.pages else {
            return "a URL and a token".to_owned();
        };
        let next = next.as_ref().map_or("one page", Next::name);
        let mapping = mapping.as_ref().map_or("none", Mapping::name);
        let auth = self.auth.name();
        format!("a request, auth {auth}, next {next}, mapping {mapping}")
    }
}

/// The message that says why a feed's mapping may not have this member.
fn not_of_a_feed(name: &str) -> String {
    let why = match name {
        "campaignField" => {
            "a feed is asked for one campaign at a time, by {campaignId} or {campaign.NAME} in request"
        }
        _ => "the items of a feed come without headers",
    };
    format!("mapping.{name}: expected none in a feed's mapping, since {why}")
}

impl fmt::Debug for FeedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedSecret(hidden)")
    }
}

#[cfg(test)]
mod tests;
