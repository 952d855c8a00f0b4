//! A token in the body: found, and taken out before anything of the body is stored.

use std::borrow::Cow;

use domain::json::Members;
use io::secrets::BodyToken;
use serde_json::value::RawValue;
use subtle::Choice;

use super::{Shown, Why, bytes, is_any_of};

pub(super) fn judge(token: &BodyToken, shown: &Shown<'_>) -> Result<Choice, Why> {
    let value = std::str::from_utf8(shown.body)
        .ok()
        .and_then(|body| find(body, &token.path));
    let value: Option<String> = value.and_then(|value| serde_json::from_str(value).ok());
    let Some(value) = value else {
        return Err(Why::Lacks(
            "its body has not once a text where the source's secret says".into(),
        ));
    };
    Ok(is_any_of(
        bytes(&token.values),
        [value.as_bytes()].into_iter(),
    ))
}

/// The JSON at the end of a path. None also where a name on the way stands twice: who reads the body
/// next may take the other one.
fn find<'a>(text: &'a str, path: &[String]) -> Option<&'a str> {
    let Some((step, path)) = path.split_first() else {
        return Some(text.trim_ascii());
    };
    if text.trim_ascii_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        return find(items.get(place(step)?)?.get(), path);
    }
    let members: Members<'_> = serde_json::from_str(text).ok()?;
    let mut of_name = members.0.iter().filter(|(name, _)| name == step);
    match (of_name.next(), of_name.next()) {
        (Some((_, value)), None) => find(value.get(), path),
        _ => None,
    }
}

/// A body without the member at the end of a path; nothing, where it cannot be taken out, as an item of an
/// array cannot: then nobody reads on with the token in it.
pub(super) fn without(text: &str, path: &[String]) -> String {
    rest(text, path).unwrap_or_default()
}

fn rest(text: &str, path: &[String]) -> Option<String> {
    let (step, path) = path.split_first()?;
    if text.trim_ascii_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        let place = place(step)?;
        let within = rest(items.get(place)?.get(), path)?;
        let items = items.iter().enumerate().map(|(n, item)| match n {
            n if n == place => &*within,
            _ => item.get(),
        });
        return Some(format!("[{}]", items.collect::<Vec<_>>().join(",")));
    }
    let members: Members<'_> = serde_json::from_str(text).ok()?;
    let members = members.0.iter().filter_map(|(name, value)| {
        let value = match (name == step, path.is_empty()) {
            (true, true) => return None,
            (true, false) => rest(value.get(), path).map_or(Cow::Borrowed(value.get()), Cow::Owned),
            (false, _) => Cow::Borrowed(value.get()),
        };
        Some(format!("{}:{value}", serde_json::Value::from(&**name)))
    });
    Some(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
}

/// An index of an array as a JSON pointer has it.
fn place(step: &str) -> Option<usize> {
    let is_index =
        step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    step.parse().ok().filter(|_| is_index)
}

#[cfg(test)]
mod tests;
