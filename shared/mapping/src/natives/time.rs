//! The function `ms`: a time, as any vendor writes it, in milliseconds.

use jaq_core::ValR;
use jaq_json::{Num, Val};
use jiff::Timestamp;

use super::fail;
use crate::value;

pub(super) const MS: &str =
    "ms: expected an RFC 3339 time with an offset, /Date(n)/, or milliseconds as a number";

/// A time as whole milliseconds since 1970. A fraction of a millisecond is cut off.
pub(super) fn ms(value: &Val) -> ValR<Val> {
    let ms = match value {
        Val::Num(Num::Int(_) | Num::BigInt(_)) => return Ok(value.clone()),
        Val::Num(Num::Float(float)) => whole(*float),
        Val::Num(Num::Dec(text)) => text.parse().ok().and_then(whole),
        value => value::text(value).and_then(|text| date(text).or_else(|| rfc3339(text))),
    };
    ms.map_or_else(|| fail(MS), |ms| Ok(value::number(&ms.to_string())))
}

fn whole(float: f64) -> Option<i64> {
    let text = format!("{:.0}", float.floor());
    text.parse()
        .ok()
        .filter(|ms: &i64| ms.unsigned_abs() <= 1 << 53)
}

/// Reads `/Date(1764000000000)/` or `/Date(1764000000000-0700)/`. The number counts in UTC; the
/// offset does not change it.
fn date(text: &str) -> Option<i64> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let at = inner.char_indices().skip(1);
    let offset = at.into_iter().find(|(_, c)| matches!(c, '+' | '-'));
    let (ms, offset) = offset.map_or((inner, ""), |(at, _)| inner.split_at(at));
    let digits = offset.get(1..).unwrap_or_default();
    let is_offset = offset.is_empty()
        || (digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let is_number = ms.len() <= 16 && !ms.starts_with('+');
    (is_offset && is_number).then(|| ms.parse().ok()).flatten()
}

/// Reads RFC 3339, and also an offset without a colon such as `+0100`.
fn rfc3339(text: &str) -> Option<i64> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let is_shaped = bytes.len() > SHAPE.len()
        && SHAPE.iter().zip(bytes).all(|(shape, byte)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't'),
            other => other == byte,
        });
    if !is_shaped {
        return None;
    }
    let (seconds, rest) = text.split_at(SHAPE.len());
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("0", rest),
    };
    let offset = match offset.as_bytes() {
        b"Z" | b"z" => offset.to_owned(),
        [b'+' | b'-', a, b, rest @ ..] => {
            let minutes = rest.strip_prefix(b":").unwrap_or(rest);
            let digits = [a, b].into_iter().chain(minutes);
            let are_digits = minutes.len() == 2 && digits.into_iter().all(u8::is_ascii_digit);
            are_digits.then(|| format!("{}:{}", &offset[..3], &offset[offset.len() - 2..]))?
        }
        _ => return None,
    };
    if fraction.is_empty() {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(9)];
    let at: Timestamp = format!("{seconds}.{fraction}{offset}").parse().ok()?;
    Some(at.as_millisecond())
}
