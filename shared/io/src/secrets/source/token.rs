//! Reads the credentials of senders that cannot sign: a user with a password, or a token in a
//! header, in the query or in the body. Requests are checked in `ingest::auth`.

use http::HeaderName;
use secrecy::SecretString;

use super::super::members::{MalformedSecret, Members};

/// The fewest bytes of such a secret. A shorter one can be guessed.
const FEWEST_BYTES: usize = 16;
pub(super) const LONG_ENOUGH: &str = "secrets of 16 bytes or more, such as $(openssl rand -hex 24)";

/// Headers that proxies write, or that an HTTP API does not pass on unchanged.
const PROXY_HEADERS: [&str; 16] = [
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

/// A token that is the whole value of a header.
#[derive(Clone, Debug)]
pub struct HeaderToken {
    /// The header.
    pub name: HeaderName,
    /// The tokens, each of which is accepted.
    pub values: Vec<SecretString>,
}

/// A token in the query of the URL.
#[derive(Clone, Debug)]
pub struct QueryToken {
    /// The name of the parameter.
    pub name: String,
    /// The tokens, each of which is accepted.
    pub values: Vec<SecretString>,
}

/// A token in the body.
#[derive(Clone, Debug)]
pub struct BodyToken {
    /// The path to the token: names and indices.
    pub path: Vec<String>,
    /// The tokens, each of which is accepted.
    pub values: Vec<SecretString>,
}

pub(super) fn is_long_enough(secret: &[u8]) -> bool {
    secret.len() >= FEWEST_BYTES
}

/// Reads a header name, in lower case. Names are compared without regard to case.
pub(super) fn header_name(text: &str) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
    // The headers of an event are stored with its content, so they cannot hold a token.
    let is_open = PROXY_HEADERS.contains(&name.as_str()) || name.as_str().starts_with("ce-");
    (!is_open).then_some(name)
}

/// Users with passwords, as `user:password`, which is what `Basic` encodes in base64.
pub(super) fn basic(members: &mut Members<'_>) -> Result<Vec<SecretString>, MalformedSecret> {
    const USER: &str = "a text that is not empty, without a colon and control characters";
    let user = members.required("user", USER, |user| {
        let is_user = !user.is_empty() && !user.contains(|c: char| c == ':' || c.is_control());
        is_user.then(|| user.to_owned())
    })?;
    at_least_one(members, "passwords", |password| {
        if password.contains(char::is_control) {
            return Err("passwords without control characters");
        }
        let password = long_enough(password)?;
        Ok(SecretString::from(format!("{user}:{password}")))
    })
}

pub(super) fn header(members: &mut Members<'_>) -> Result<HeaderToken, MalformedSecret> {
    let name = members.required(
        "name",
        "the name of a header that the sender writes",
        header_name,
    )?;
    let values = at_least_one(members, "values", |value| {
        let is_shown = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if value.trim() != value || !value.bytes().all(is_shown) {
            return Err("visible ASCII characters, without white space at either end");
        }
        long_enough(value).map(SecretString::from)
    })?;
    Ok(HeaderToken { name, values })
}

pub(super) fn query(members: &mut Members<'_>) -> Result<QueryToken, MalformedSecret> {
    let name = members.required("name", "1 to 64 visible ASCII characters", |name| {
        let is_name =
            (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        is_name.then(|| name.to_owned())
    })?;
    let values = at_least_one(members, "values", text)?;
    Ok(QueryToken { name, values })
}

pub(super) fn body(members: &mut Members<'_>) -> Result<BodyToken, MalformedSecret> {
    let path = members.required(
        "pointer",
        "a JSON pointer to a member of the body, such as /token, of 1 to 8 steps",
        path,
    )?;
    let values = at_least_one(members, "values", text)?;
    Ok(BodyToken { path, values })
}

/// The steps of a JSON pointer (RFC 6901).
fn path(pointer: &str) -> Option<Vec<String>> {
    let steps = pointer.strip_prefix('/')?.split('/').map(|step| {
        let mut unescaped = String::new();
        let mut chars = step.chars();
        while let Some(c) = chars.next() {
            unescaped.push(match c {
                '~' => match chars.next()? {
                    '0' => '~',
                    '1' => '/',
                    _ => return None,
                },
                c => c,
            });
        }
        Some(unescaped)
    });
    let steps: Vec<_> = steps.collect::<Option<_>>()?;
    (steps.len() <= 8).then_some(steps)
}

fn text(value: &str) -> Result<SecretString, &'static str> {
    if value.contains(char::is_control) {
        return Err("texts without control characters");
    }
    long_enough(value).map(SecretString::from)
}

fn long_enough(secret: &str) -> Result<&str, &'static str> {
    if is_long_enough(secret.as_bytes()) {
        Ok(secret)
    } else {
        Err(LONG_ENOUGH)
    }
}

fn at_least_one(
    members: &mut Members<'_>,
    name: &str,
    read: impl Fn(&str) -> Result<SecretString, &'static str>,
) -> Result<Vec<SecretString>, MalformedSecret> {
    let values = members.texts(name, "an array of texts", read)?;
    if values.is_empty() {
        return Err(Members::wrong(name, "at least one"));
    }
    Ok(values)
}
