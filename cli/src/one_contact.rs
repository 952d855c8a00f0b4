//! How an operator names a contact, and whether its stored rank is ahead.

use domain::change::{ContactKey, Rank};
use domain::rules::Rules;
use jiff::Timestamp;

/// The contact keys that the arguments name. `-` stands for the keys on standard input, one a line,
/// so that no key need stand in the shell's history.
pub(crate) fn keys(arguments: &[String]) -> Result<Vec<ContactKey>, String> {
    let mut keys = Vec::new();
    for argument in arguments {
        for line in text(argument)?.lines() {
            keys.push(key(line)?);
        }
    }
    Ok(keys)
}

/// The text of an argument; `-` stands for the text on standard input.
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

/// Why a stored rank makes every later change stale; `None` means that it does not.
pub(crate) fn ahead(rules: &Rules, stored: Rank, now: Timestamp) -> Option<&'static str> {
    rules
        .is_ahead(stored, now)
        .then_some(if rules.ranks_are_times() {
            "more than a day ahead of now"
        } else {
            "at the end of what a rank can be"
        })
}
