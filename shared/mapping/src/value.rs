//! Converts between JSON and the values of a program.
//!
//! `serde_json` reads the JSON, and every number keeps the digits that it was written with.

use domain::json::{Members, Text};
use domain::number::plain;
use jaq_core::ValT;
use jaq_json::{Num, Rc, Val};
use serde_json::value::RawValue;

use crate::fault::Kind;

/// The most characters of a number that is written out. A number of this length is finite in every
/// JSON reader.
const MOST_DIGITS: usize = 300;

/// The deepest nesting of lists and objects.
const DEEPEST: usize = 128;

/// Refuses a text whose brackets nest too deep, before anything recurses into it.
pub(crate) fn check_depth(json: &str) -> Result<(), Kind> {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => depth += 1,
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(Kind::TooDeep);
        }
    }
    Ok(())
}

/// Parses a JSON text.
pub(crate) fn read(json: &str) -> Result<Val, Kind> {
    check_depth(json)?;
    of_raw(serde_json::from_str(json).map_err(|_| Kind::NotJson)?)
}

fn of_raw(raw: &RawValue) -> Result<Val, Kind> {
    let text = raw.get();
    let not_json = |_| Kind::NotJson;
    match text.as_bytes().first() {
        Some(b'{') => {
            let members: Members<'_> = serde_json::from_str(text).map_err(not_json)?;
            let mut map = jaq_json::Map::default();
            for (name, raw) in members.0 {
                let name = Val::utf8_str(name.into_owned());
                if map.insert(name, of_raw(raw)?).is_some() {
                    return Err(Kind::Twice);
                }
            }
            Ok(Val::obj(map))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
            items.into_iter().map(of_raw).collect()
        }
        Some(b'"') => {
            let text: Text<'_> = serde_json::from_str(text).map_err(not_json)?;
            Ok(Val::utf8_str(text.0.into_owned()))
        }
        Some(b't') => Ok(Val::Bool(true)),
        Some(b'f') => Ok(Val::Bool(false)),
        Some(b'n') => Ok(Val::Null),
        _ => Ok(number(text)),
    }
}

/// A number as it was written. Arithmetic on very many digits takes long, so a longer number takes
/// part in it as the nearest float.
pub(crate) fn number(text: &str) -> Val {
    if text.len() <= MOST_DIGITS
        && let Ok(number) = Val::from_num(text)
    {
        return number;
    }
    Val::Num(Num::Dec(Rc::new(text.to_owned())))
}

/// The exact decimal text of a number. `None` means that the number is not finite, or has too many
/// digits.
pub(crate) fn decimal(number: &Num) -> Option<String> {
    match number {
        Num::Int(int) => Some(int.to_string()),
        // 300 digits take less than 1,000 bits.
        Num::BigInt(int) => (int.bits() <= 1000)
            .then(|| int.to_string())
            .filter(|text| text.len() <= MOST_DIGITS),
        Num::Float(float) if float.is_finite() => plain(&format!("{float:e}"), MOST_DIGITS),
        Num::Float(_) => None,
        Num::Dec(text) => plain(text, MOST_DIGITS),
    }
}

/// The text of a value, if it is a text.
pub(crate) fn text(value: &Val) -> Option<&str> {
    match value {
        Val::TStr(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}
