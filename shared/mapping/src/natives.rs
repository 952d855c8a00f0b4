//! The functions that a program may call.
//!
//! [`FUNCTIONS`] is the whole list: the harmless part of jq, and the functions that campaign-sync
//! adds or replaces. The replacements are in [`time`] (`ms`) and [`values`] (`test`, `tonumber`,
//! `sha256` and others), and those that read records in [`crate::fields`]. A call of any other
//! function is refused by [`crate::check`].

mod time;
mod values;

use std::collections::BTreeMap;

use jaq_core::data::{DataT, HasLut};
use jaq_core::load::parse::Def;
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Cv, Error, Lut, RunPtr, ValR, ValXs};
use jaq_json::Val;
use regex_lite::Regex;

use crate::fields;

pub(crate) use values::regex;

use time::{MS, ms};
use values::{NO_PRODUCT, SHA256, TEST, TO_BOOLEAN, TO_NUMBER};
use values::{keys, sha256, test, times, to_boolean, to_number};

/// The compiled regular expressions of a program, by their patterns.
pub(crate) type Regexes = BTreeMap<String, Regex>;

/// The kind of values that a program works on, as the interpreter wants to know it.
pub(crate) struct Data;

impl DataT for Data {
    type V<'a> = Val;
    type Data<'a> = NativeContext<'a>;
}

/// The data that the native functions know beside their arguments.
#[derive(Clone, Copy)]
pub(crate) struct NativeContext<'a> {
    pub(crate) lut: &'a Lut<Data>,
    pub(crate) regexes: &'a Regexes,
}

impl<'a> HasLut<'a, Data> for NativeContext<'a> {
    fn lut(&self) -> &'a Lut<Data> {
        self.lut
    }
}

/// The functions that a program may call, each with the numbers of its arguments. None of them runs
/// longer than its input is long, nests deeper than its input, or reads anything but its arguments.
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

/// The checker turns `l * r` into a call of this function. The name is not a valid name in jq, so
/// no program can call it directly.
pub(crate) const TIMES: &str = "times!";

/// The messages that the functions of this module fail with. They hold no value of a payload, so
/// they may be shown.
pub(crate) const MESSAGES: [&str; 6] = [MS, SHA256, TEST, TO_NUMBER, TO_BOOLEAN, NO_PRODUCT];

/// Whether a program may call a function of this name with this number of arguments.
pub(crate) fn is_allowed(name: &str, arguments: usize) -> bool {
    let mut allowed = FUNCTIONS.iter();
    allowed.any(|(allowed, counts)| *allowed == name && counts.contains(&arguments))
}

/// The definitions, written in jq, of the functions in [`FUNCTIONS`].
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

/// The native functions that programs and [`definitions`] call.
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
        ("columns_by", v(1), |cv| {
            with_argument(cv, fields::columns_by)
        }),
        ("callable_by", v(1), |cv| {
            with_argument(cv, fields::callable_by)
        }),
        ("campaigns_by", v(1), |cv| {
            with_argument(cv, fields::campaigns_by)
        }),
        ("removed_by", v(1), |cv| {
            with_argument(cv, fields::removed_by)
        }),
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

/// Calls a function of its input and one argument.
fn with_argument<'a>(mut cv: Cv<'a, Data>, of: fn(&Val, &Val) -> ValR<Val>) -> ValXs<'a, Val> {
    let argument = cv.0.pop_var();
    bome(of(&cv.1, &argument))
}

pub(crate) fn fail<T>(message: &'static str) -> Result<T, Error<Val>> {
    Err(Error::str(message))
}
