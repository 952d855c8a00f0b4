//! The member `auth`: how a request shows who asks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use secrecy::SecretString;

use super::super::members::{MalformedSecret, Members};
use super::request;

/// How a request shows who asks.
#[derive(Clone)]
pub enum FeedAuth {
    /// Not at all.
    None,
    /// The whole value of the header `Authorization`.
    Authorization(SecretString),
    /// The whole value of another header.
    Header(HeaderName, SecretString),
    /// A parameter of the query.
    Query(String, SecretString),
}

impl FeedAuth {
    pub(super) fn bearer(token: &str) -> Option<FeedAuth> {
        let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then(|| FeedAuth::Authorization(format!("Bearer {token}").into()))
    }

    pub(super) fn read(members: &mut Members<'_>) -> Result<FeedAuth, MalformedSecret> {
        const KIND: &str = "none, bearer, basic, header or query";
        let kind = members.required("kind", KIND, |kind| Some(kind.to_owned()))?;
        match kind.as_str() {
            "none" => Ok(FeedAuth::None),
            "bearer" => members.required("token", super::TOKEN, FeedAuth::bearer),
            "basic" => {
                const USER: &str = "a text without a colon and control characters";
                let is_plain = |text: &&str| !text.contains(char::is_control);
                let user = members.required("user", USER, |user| {
                    let is_user = is_plain(&user) && !user.contains(':');
                    is_user.then(|| user.to_owned())
                })?;
                let password = members.required(
                    "password",
                    "a text without control characters",
                    |password| Some(password).filter(is_plain).map(str::to_owned),
                )?;
                Ok(FeedAuth::Authorization(basic(&user, &password)))
            }
            "header" => {
                let name = members.required(
                    "name",
                    "the name of a header, but authorization",
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
            _ => Err(Members::wrong("kind", KIND)),
        }
    }

    /// In one word.
    pub fn name(&self) -> &'static str {
        match self {
            FeedAuth::None => "none",
            FeedAuth::Authorization(_) => "a token or password",
            FeedAuth::Header(..) => "a token in a header",
            FeedAuth::Query(..) => "a token in the query",
        }
    }
}

const VALUE: &str = "visible ASCII characters, without white space at either end";

fn value(text: &str) -> Option<SecretString> {
    let is_shown = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let is_value = !text.is_empty() && text.trim() == text && text.bytes().all(is_shown);
    is_value.then(|| text.into())
}

/// The value of `Authorization` of a user with a password (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> SecretString {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))).into()
}
