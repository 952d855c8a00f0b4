//! The functions that campaign-sync adds to jq, and the set of all that a program may call.

use std::collections::BTreeMap;

use jaq_core::data::{DataT, HasLut};
use jaq_core::load::parse::Def;
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Cv, Error, Lut, RunPtr, ValR, ValXs};
use jaq_json::{Num, Val};
use jiff::Timestamp;
use regex_lite::{Regex, RegexBuilder};
use sha2::{Digest, Sha256};

use crate::fields;
use crate::value;

/// The regular expressions of a program by their texts.
pub(crate) type Regexes = BTreeMap<String, Regex>;

/// The values of a program, and what its functions know beside their arguments.
pub(crate) struct Data;

impl DataT for Data {
    type V<'a> = Val;
    type Data<'a> = Known<'a>;
}

/// What was made of a program when it was compiled.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) lut: &'a Lut<Data>,
    pub(crate) regexes: &'a Regexes,
}

impl<'a> HasLut<'a, Data> for Known<'a> {
    fn lut(&self) -> &'a Lut<Data> {
        self.lut
    }
}

/// What a program may call, each with its number of arguments. None of them loops longer than its
/// input, nests deeper than it, sorts by what is no order, or knows anything but its arguments.
pub(crate) const FUNCTIONS: &[(&str, &[usize])] = &[
    ("abs", &[0]),
    ("add", &[0, 1]),
    ("all", &[0, 1, 2]),
    ("any", &[0, 1, 2]),
    ("arrays", &[0]),
    ("ascii_downcase", &[0]),
    ("ascii_upcase", &[0]),
    ("booleans", &[0]),
    ("callable_by", &[1]),
    ("campaigns_by", &[1]),
    ("ceil", &[0]),
    ("choices", &[0]),
    ("columns_by", &[1]),
    ("contains", &[1]),
    ("del", &[1]),
    ("empty", &[0]),
    ("endswith", &[1]),
    ("error", &[0, 1]),
    ("false", &[0]),
    ("first", &[0, 1]),
    ("floor", &[0]),
    ("from_entries", &[0]),
    ("has", &[1]),
    ("index", &[1]),
    ("indices", &[1]),
    ("inside", &[1]),
    ("isarray", &[0]),
    ("isboolean", &[0]),
    ("isempty", &[1]),
    ("isnumber", &[0]),
    ("isobject", &[0]),
    ("isstring", &[0]),
    ("iterables", &[0]),
    ("join", &[1]),
    ("keys", &[0]),
    ("keys_unsorted", &[0]),
    ("last", &[0, 1]),
    ("length", &[0]),
    ("limit", &[2]),
    ("ltrim", &[0]),
    ("ltrimstr", &[1]),
    ("map", &[1]),
    ("map_values", &[1]),
    ("max", &[0]),
    ("max_by", &[1]),
    ("min", &[0]),
    ("min_by", &[1]),
    ("ms", &[0]),
    ("not", &[0]),
    ("nth", &[1, 2]),
    ("null", &[0]),
    ("nulls", &[0]),
    ("numbers", &[0]),
    ("objects", &[0]),
    ("removed_by", &[1]),
    ("reverse", &[0]),
    ("rindex", &[1]),
    ("round", &[0]),
    ("rtrim", &[0]),
    ("rtrimstr", &[1]),
    ("scalars", &[0]),
    ("select", &[1]),
    ("sha256", &[0]),
    ("skip", &[2]),
    ("split", &[1]),
    ("startswith", &[1]),
    ("strings", &[0]),
    ("test", &[1]),
    ("to_entries", &[0]),
    ("toboolean", &[0]),
    ("tonumber", &[0]),
    ("tostring", &[0]),
    ("trim", &[0]),
    ("true", &[0]),
    ("type", &[0]),
    ("utf8bytelength", &[0]),
    ("values", &[0]),
    ("with_entries", &[1]),
];

/// `l * r` becomes a call of this. No program can spell it.
pub(crate) const TIMES: &str = "times!";

/// What the functions of this crate fail by. It holds no value, and so may be shown.
pub(crate) const MESSAGES: [&str; 6] = [MS, SHA256, TEST, TO_NUMBER, TO_BOOLEAN, NO_PRODUCT];
const MS: &str =
    "ms: expected an RFC 3339 time with an offset, /Date(n)/, or milliseconds as a number";
const SHA256: &str = "sha256: expected a text";
const TEST: &str = "test: expected a text";
const TO_NUMBER: &str = "tonumber: expected a number, or a text that is one";
const TO_BOOLEAN: &str = "toboolean: expected a boolean, \"true\" or \"false\"";
const NO_PRODUCT: &str = "*: expected two numbers, or two objects";

/// Whether a program may call a function of this name with so many arguments.
pub(crate) fn is_allowed(name: &str, arguments: usize) -> bool {
    let mut allowed = FUNCTIONS.iter();
    allowed.any(|(allowed, counts)| *allowed == name && counts.contains(&arguments))
}

/// The definitions of jq that stand behind [`FUNCTIONS`].
pub(crate) fn definitions<'s>() -> impl Iterator<Item = Def<&'s str>> {
    let all = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    all.filter(|def| is_allowed(def.name, def.args.len()) && !is_ours(def.name))
        .map(|def: Def<&'static str>| -> Def<&'s str> { def })
}

fn is_ours(name: &str) -> bool {
    ours().iter().any(|(ours, ..)| *ours == name)
}

/// The native functions that definitions and programs call.
pub(crate) fn natives() -> impl Iterator<Item = Fun<Data>> {
    let behind = [
        "error_empty",
        "key_values",
        "min_by_or_empty",
        "max_by_or_empty",
    ];
    let all = jaq_core::funs()
        .chain(jaq_std::base_funs())
        .chain(jaq_json::funs());
    all.filter(move |(name, arguments, _)| {
        behind.contains(name) || (is_allowed(name, arguments.len()) && !is_ours(name))
    })
    .chain(ours())
}

fn ours() -> [Fun<Data>; 12] {
    let ours: [Filter<RunPtr<Data>>; 12] = [
        ("choices", v(0), |cv| bome(Ok(fields::choices(&cv.1)))),
        ("columns_by", v(1), |cv| by(cv, fields::columns_by)),
        ("callable_by", v(1), |cv| by(cv, fields::callable_by)),
        ("campaigns_by", v(1), |cv| by(cv, fields::campaigns_by)),
        ("removed_by", v(1), |cv| by(cv, fields::removed_by)),
        ("ms", v(0), |cv| bome(ms(&cv.1))),
        ("sha256", v(0), |cv| bome(sha256(&cv.1))),
        ("test", v(1), |mut cv| {
            let pattern = cv.0.pop_var();
            bome(test(&cv.1, &pattern, cv.0.data().regexes))
        }),
        ("tonumber", v(0), |cv| bome(to_number(cv.1))),
        ("toboolean", v(0), |cv| bome(to_boolean(cv.1))),
        ("keys", v(0), |cv| bome(keys(&cv.1))),
        (TIMES, v(2), |mut cv| {
            let right = cv.0.pop_var();
            let left = cv.0.pop_var();
            bome(times(left, right))
        }),
    ];
    ours.map(run::<Data>)
}

/// A function of its input and one argument.
fn by<'a>(mut cv: Cv<'a, Data>, of: fn(&Val, &Val) -> ValR<Val>) -> ValXs<'a, Val> {
    let argument = cv.0.pop_var();
    bome(of(&cv.1, &argument))
}

pub(crate) fn fail<T>(message: &'static str) -> Result<T, Error<Val>> {
    Err(Error::str(message))
}

/// A time as whole milliseconds since 1970; what is less is cut off.
fn ms(value: &Val) -> ValR<Val> {
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

/// `/Date(1764000000000)/`, `/Date(1764000000000-0700)/`: the number is of UTC in any case.
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

/// RFC 3339, also with an offset without a colon.
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

fn sha256(value: &Val) -> ValR<Val> {
    let Some(text) = value::text(value) else {
        return fail(SHA256);
    };
    let hash = Sha256::digest(text);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Val::from(hex))
}

/// A regular expression of bounded size.
pub(crate) fn regex(pattern: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(1 << 18).nest_limit(30).build().ok()
}

fn test(value: &Val, pattern: &Val, regexes: &Regexes) -> ValR<Val> {
    let regex = value::text(pattern).and_then(|pattern| regexes.get(pattern));
    match (value::text(value), regex) {
        (Some(text), Some(regex)) => Ok(Val::Bool(regex.is_match(text))),
        _ => fail(TEST),
    }
}

fn to_number(value: Val) -> ValR<Val> {
    let text = match &value {
        Val::Num(_) => return Ok(value),
        value => value::text(value),
    };
    let is_number = |text: &&str| {
        text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            && text.ends_with(|c: char| c.is_ascii_digit())
            && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
    };
    let number = text.filter(is_number).map(value::number);
    number.map_or_else(|| fail(TO_NUMBER), Ok)
}

fn to_boolean(value: Val) -> ValR<Val> {
    match (value::text(&value), &value) {
        (_, Val::Bool(_)) => Ok(value),
        (Some("true"), _) => Ok(Val::Bool(true)),
        (Some("false"), _) => Ok(Val::Bool(false)),
        _ => fail(TO_BOOLEAN),
    }
}

/// The names of an object in their order, or the places of a list.
fn keys(value: &Val) -> ValR<Val> {
    match value {
        Val::Arr(values) => Ok((0..values.len()).map(Val::from).collect()),
        Val::Obj(members) => {
            let mut names: Vec<&str> = members.keys().filter_map(value::text).collect();
            names.sort_unstable();
            Ok(names
                .into_iter()
                .map(|name| Val::utf8_str(name.to_owned()))
                .collect())
        }
        _ => Err(Error::typ(value.clone(), "list or object")),
    }
}

/// A product. Of a text and a number there is none, as it could be of any length.
fn times(left: Val, right: Val) -> ValR<Val> {
    match (&left, &right) {
        (Val::Num(one), Val::Num(other)) if is_short(one) && is_short(other) => left * right,
        (Val::Obj(_), Val::Obj(_)) => left * right,
        _ => fail(NO_PRODUCT),
    }
}

fn is_short(number: &Num) -> bool {
    match number {
        Num::BigInt(int) => int.bits() <= 4096,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_expression_is_looked_up_and_never_compiled_where_it_tests() {
        let program = r#"[test("^a"), test("b$"), test("^a")]"#;
        let regexes = crate::check::check(program).unwrap().regexes;
        let patterns: Vec<_> = regexes.keys().collect();
        assert_eq!(patterns, ["^a", "b$"]);
        let is_one = |regexes| test(&Val::utf8_str("abc"), &Val::utf8_str("^a"), regexes);
        assert_eq!(is_one(&regexes).ok(), Some(Val::Bool(true)));
        assert!(is_one(&Regexes::new()).is_err());
    }
}
