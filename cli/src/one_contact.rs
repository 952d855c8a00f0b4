//! Reads the contact that an operator names, and finds out whether its stored rank is ahead.

use std::path::Path;

use domain::change::{ContactKey, Rank};
use domain::rules::Rules;
use jiff::Timestamp;

use crate::args;

/// The contact keys that the arguments name. `-` stands for the keys on standard input, one a line,
/// so that no key appears in the shell's history.
pub(crate) fn keys(arguments: &[String]) -> Result<Vec<ContactKey>, String> {
    let mut keys = Vec::new();
    for argument in arguments {
        let text = text(argument)?;
        let lines = (1..).zip(text.lines());
        let before = keys.len();
        for (number, line) in lines {
            let in_line = |fault| match is_stdin(argument) {
                true => format!("standard input, line {number}: {fault}"),
                false => fault,
            };
            keys.push(key(line).map_err(in_line)?);
        }
        if keys.len() == before {
            return Err(match is_stdin(argument) {
                true => "--contact -: standard input holds no key".to_owned(),
                false => "--contact: expected a contact key".to_owned(),
            });
        }
    }
    Ok(keys)
}

/// The one contact key that an argument names.
pub(crate) fn one_key(argument: &str) -> Result<ContactKey, String> {
    key(&one_line(argument, "contact key")?)
}

/// The one line of an argument. `what` names, in an error, what the line should hold, such as
/// `contact key`.
pub(crate) fn one_line(argument: &str, what: &str) -> Result<String, String> {
    let text = text(argument)?;
    let mut lines = text.lines();
    match (lines.next(), lines.next()) {
        (Some(line), None) => Ok(line.to_owned()),
        _ if is_stdin(argument) => Err(format!(
            "standard input: expected exactly one line, with one {what}"
        )),
        _ => Err(format!("KEY: expected one {what}, on one line")),
    }
}

fn is_stdin(argument: &str) -> bool {
    argument == "-"
}

/// The text of an argument; `-` stands for the text on standard input.
pub(crate) fn text(argument: &str) -> Result<String, String> {
    if is_stdin(argument) {
        return args::file(Path::new(argument));
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
