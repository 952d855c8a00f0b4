//! One contact as an operator names it, and what its stored rank is like.

use std::borrow::Cow;

use domain::change::{ContactKey, Rank};
use domain::rules::Rules;
use jiff::Timestamp;

/// Contact keys of the command line. `-` stands for those that standard input holds, one a line: so
/// that no key need stand in the shell's history.
pub(crate) fn keys(arguments: &[String]) -> Result<Vec<ContactKey>, String> {
    let mut keys = Vec::new();
    for argument in arguments {
        for line in text(argument)?.lines() {
            keys.push(key(line)?);
        }
    }
    Ok(keys)
}

/// What an argument says; `-` stands for what standard input holds.
pub(crate) fn text(argument: &str) -> Result<String, String> {
    if argument == "-" {
        return std::io::read_to_string(std::io::stdin())
            .map_err(|error| format!("standard input: {error}"));
    }
    Ok(argument.to_owned())
}

pub(crate) fn key(text: &str) -> Result<ContactKey, String> {
    ContactKey::parse(text).map_err(|expected| format!("contact key: {expected}"))
}

/// A contact key that nobody has: to try what a read is answered.
pub(crate) fn nobody() -> Result<ContactKey, String> {
    ContactKey::parse("campaign-sync-check").map_err(Cow::into_owned)
}

/// What is wrong with a stored rank that makes all that follows stale.
pub(crate) fn ahead(rules: &Rules, stored: Rank, now: Timestamp) -> Option<&'static str> {
    rules
        .is_ahead(stored, now)
        .then_some(if rules.ranks_are_times() {
            "more than a day ahead of now"
        } else {
            "at the end of what a rank can be"
        })
}
