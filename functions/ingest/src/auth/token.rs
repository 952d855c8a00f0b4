//! Passwords and tokens, which are compared as a whole.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use http::{HeaderMap, header};
use io::secrets::{HeaderToken, QueryToken};
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use subtle::Choice;

use super::{Shown, Why, bytes, is_any_of};

/// `Authorization: Bearer`.
pub(super) fn bearer(tokens: &[SecretString], shown: &Shown<'_>) -> Result<Choice, Why> {
    let Some(token) = credentials(shown.headers, "bearer") else {
        return Err(Why::Lacks("it shows no bearer token".into()));
    };
    Ok(is_any_of(bytes(tokens), [token.as_bytes()].into_iter()))
}

/// `Authorization: Basic`. User and password are compared as bytes, so their encoding does not
/// matter.
pub(super) fn basic(users: &[SecretString], shown: &Shown<'_>) -> Result<Choice, Why> {
    let lacks = || {
        Why::Lacks(
            "it does not show a user and password (authorization: Basic) exactly once".into(),
        )
    };
    let is_once = shown.headers.get_all(header::AUTHORIZATION).iter().count() == 1;
    let base64 = credentials(shown.headers, "basic").filter(|_| is_once);
    let decoded = STANDARD_PAD_INDIFFERENT.decode(base64.ok_or_else(lacks)?.trim_ascii());
    let user = decoded.map_err(|_| lacks())?;
    Ok(is_any_of(bytes(users), [&*user].into_iter()))
}

/// A token that is the whole value of a header.
pub(super) fn header(token: &HeaderToken, shown: &Shown<'_>) -> Result<Choice, Why> {
    let mut all = shown.headers.get_all(&token.name).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        let detail = format!(
            "it does not have the header {} exactly once, as the source's secret demands",
            token.name
        );
        return Err(Why::Lacks(detail.into()));
    };
    Ok(is_any_of(
        bytes(&token.values),
        [value.as_bytes()].into_iter(),
    ))
}

/// A token in a parameter of the query. A plus sign may mean itself or a space.
pub(super) fn query(token: &QueryToken, shown: &Shown<'_>) -> Result<Choice, Why> {
    let of_form = |text: &str| decoded(&text.replace('+', " ")).into_owned();
    let pairs = shown.query.split('&');
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs
        .filter(|(name, _)| *decoded(name) == *token.name.as_bytes())
        .map(|(_, value)| value);
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Why::Lacks(
            "its query does not have the parameter that the source's secret names exactly once"
                .into(),
        ));
    };
    let (as_it_is, of_form) = (decoded(value), of_form(value));
    Ok(is_any_of(
        bytes(&token.values),
        [&*as_it_is, &*of_form].into_iter(),
    ))
}

fn decoded(text: &str) -> Cow<'_, [u8]> {
    percent_decode_str(text).into()
}

/// The credentials after the scheme in the header `Authorization`.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (shown, credentials) = authorization.split_once(' ')?;
    shown.eq_ignore_ascii_case(scheme).then_some(credentials)
}

#[cfg(test)]
mod tests;
