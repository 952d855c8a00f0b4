//! The member `auth` of a feed's secret: the credentials of a request.
//!
//! This module reads and checks them. `reconcile::feed` adds them to a request, and `oauth` says
//! how to obtain a token.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use secrecy::SecretString;

use super::super::members::{MalformedSecret, Members};
use super::{OAuth2, request};

/// The credentials of a request.
#[derive(Clone)]
pub enum FeedAuth {
    /// The request has no credentials.
    None,
    /// The whole value of the header `Authorization`.
    Authorization(SecretString),
    /// The whole value of another header.
    Header(HeaderName, SecretString),
    /// A parameter of the query.
    Query(String, SecretString),
    /// A token that an endpoint gives.
    OAuth2(Arc<OAuth2>),
}

impl FeedAuth {
    pub(super) fn bearer(token: &str) -> Option<FeedAuth> {
        let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then(|| FeedAuth::Authorization(format!("Bearer {token}").into()))
    }

    pub(super) fn read(
        members: &mut Members<'_>,
        is_local: bool,
    ) -> Result<FeedAuth, MalformedSecret> {
        const KIND: &str = "none, bearer, basic, header, query or oauth2";
        let kind = members.required("kind", KIND, |kind| Some(kind.to_owned()))?;
        let known: &[&str] = match kind.as_str() {
            "none" => &[],
            "bearer" => &["token"],
            "basic" => &["user", "password"],
            "header" | "query" => &["name", "value"],
            "oauth2" => &super::oauth::MEMBERS,
            _ => return Err(Members::wrong("kind", KIND)),
        };
        members.only(known)?;
        match kind.as_str() {
            "none" => Ok(FeedAuth::None),
            "bearer" => members.required("token", super::TOKEN, FeedAuth::bearer),
            "basic" => FeedAuth::basic(members),
            "header" => {
                let name = members.required(
                    "name",
                    "the name of a header other than authorization",
                    request::header,
                )?;
                Ok(FeedAuth::Header(
                    name,
                    members.required("value", VALUE, value)?,
                ))
            }
            "query" => {
                let name =
                    members.required("name", "1 to 64 visible ASCII characters", |name| {
                        let is_name = (1..=64).contains(&name.len())
                            && name.bytes().all(|byte| byte.is_ascii_graphic());
                        is_name.then(|| name.to_owned())
                    })?;
                Ok(FeedAuth::Query(
                    name,
                    members.required("value", VALUE, value)?,
                ))
            }
            "oauth2" => Ok(FeedAuth::OAuth2(Arc::new(OAuth2::read(members, is_local)?))),
            _ => Err(Members::wrong("kind", KIND)),
        }
    }

    fn basic(members: &mut Members<'_>) -> Result<FeedAuth, MalformedSecret> {
        const USER: &str =
            "a text without colons and control characters, with the real name in place of …";
        let is_plain = |text: &&str| !text.contains(char::is_control) && !is_placeholder(text);
        let user = members.required("user", USER, |user| {
            let is_user = is_plain(&user) && !user.contains(':');
            is_user.then(|| user.to_owned())
        })?;
        let password = members.required(
            "password",
            "a text without control characters, with the real password in place of …",
            |password| Some(password).filter(is_plain).map(str::to_owned),
        )?;
        Ok(FeedAuth::Authorization(basic(&user, &password)))
    }

    /// A short name for the kind of credentials.
    pub fn name(&self) -> &'static str {
        match self {
            FeedAuth::None => "none",
            FeedAuth::Authorization(_) => "a token or password",
            FeedAuth::Header(..) => "a token in a header",
            FeedAuth::Query(..) => "a token in the query",
            FeedAuth::OAuth2(oauth) => oauth.grant(),
        }
    }
}

/// Whether the text is a placeholder, as in the examples of the documentation.
pub(super) fn is_placeholder(text: &str) -> bool {
    matches!(text.trim(), "…" | "...")
}

const VALUE: &str = "visible ASCII characters, without white space at either end";

fn value(text: &str) -> Option<SecretString> {
    let is_shown = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let is_value = !text.is_empty() && text.trim() == text && text.bytes().all(is_shown);
    is_value.then(|| text.into())
}

/// The value of `Authorization` for a user and a password (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> SecretString {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))).into()
}
