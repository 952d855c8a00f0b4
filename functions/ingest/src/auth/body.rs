//! A token in the body. It is found, and removed before any part of the body is stored. Tokens
//! elsewhere in the request are in `token`.

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
            "its body does not hold exactly one text at the place that the source's secret names"
                .into(),
        ));
    };
    Ok(is_any_of(
        bytes(&token.values),
        [value.as_bytes()].into_iter(),
    ))
}

/// The JSON at the end of a path. It is also `None` if a name on the path is repeated, because
/// another reader may take the other value.
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

/// The body without the value at the end of the path. [`judge`] has found a token there, so the
/// path exists.
pub(super) fn without(text: &str, path: &[String]) -> String {
    match rest(text, path) {
        Some(Some(rest)) => rest,
        // If the token cannot be removed, nothing of the body is read.
        Some(None) | None => String::new(),
    }
}

/// The rest of the text. `Some(None)` means that nothing is left, and `None` that the path does not
/// exist.
fn rest(text: &str, path: &[String]) -> Option<Option<String>> {
    let Some((step, path)) = path.split_first() else {
        return Some(None);
    };
    let (mut left, mut is_found) = (Vec::new(), false);
    let is_list = text.trim_ascii_start().starts_with('[');
    if is_list {
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        for (n, item) in items.iter().enumerate() {
            if Some(n) == place(step) {
                left.extend(rest(item.get(), path)?);
                is_found = true;
                continue;
            }
            // If the first item holds the token, the others hold it at the same place.
            let of_other = rest(item.get(), path).filter(|_| !path.is_empty());
            left.push(of_other.flatten().unwrap_or_else(|| item.get().to_owned()));
        }
    } else {
        let members: Members<'_> = serde_json::from_str(text).ok()?;
        for (name, value) in &members.0 {
            let value = if name == step {
                is_found = true;
                rest(value.get(), path)?
            } else {
                Some(value.get().to_owned())
            };
            let name = serde_json::Value::from(&**name);
            left.extend(value.map(|value| format!("{name}:{value}")));
        }
    }
    let left = match is_list {
        true => format!("[{}]", left.join(",")),
        false => format!("{{{}}}", left.join(",")),
    };
    is_found.then_some(Some(left))
}

/// An index of an array in a JSON pointer.
fn place(step: &str) -> Option<usize> {
    let is_index =
        step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    step.parse().ok().filter(|_| is_index)
}

#[cfg(test)]
mod tests;
