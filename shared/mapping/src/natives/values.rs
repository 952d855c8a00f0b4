//! The functions of texts, numbers and objects that jq lacks, or whose results jq does not bound.
//! The function of times is in `time`, and those that read records in [`crate::fields`].

use jaq_core::{Error, ValR};
use jaq_json::{Num, Val};
use regex_lite::{Regex, RegexBuilder};
use sha2::{Digest, Sha256};

use super::{Regexes, fail};
use crate::value;

pub(super) const SHA256: &str = "sha256: expected a text";
pub(super) const TEST: &str = "test: expected a text";
pub(super) const TO_NUMBER: &str = "tonumber: expected a number, or a text that is one";
pub(super) const TO_BOOLEAN: &str = "toboolean: expected a boolean, \"true\" or \"false\"";
pub(super) const NO_PRODUCT: &str = "*: expected two numbers, or two objects";

pub(super) fn sha256(value: &Val) -> ValR<Val> {
    let Some(text) = value::text(value) else {
        return fail(SHA256);
    };
    let hash = Sha256::digest(text);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Val::from(hex))
}

/// Compiles a regular expression, unless it is too large.
pub(crate) fn regex(pattern: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(1 << 18).nest_limit(30).build().ok()
}

pub(super) fn test(value: &Val, pattern: &Val, regexes: &Regexes) -> ValR<Val> {
    let regex = value::text(pattern).and_then(|pattern| regexes.get(pattern));
    match (value::text(value), regex) {
        (Some(text), Some(regex)) => Ok(Val::Bool(regex.is_match(text))),
        _ => fail(TEST),
    }
}

pub(super) fn to_number(value: Val) -> ValR<Val> {
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

pub(super) fn to_boolean(value: Val) -> ValR<Val> {
    match (value::text(&value), &value) {
        (_, Val::Bool(_)) => Ok(value),
        (Some("true"), _) => Ok(Val::Bool(true)),
        (Some("false"), _) => Ok(Val::Bool(false)),
        _ => fail(TO_BOOLEAN),
    }
}

/// The sorted names of an object, or the indices of a list.
pub(super) fn keys(value: &Val) -> ValR<Val> {
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

/// A product of two numbers or two objects. A text times a number is refused, because the result
/// could be of any length.
pub(super) fn times(left: Val, right: Val) -> ValR<Val> {
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
