//! Puts a change together from the values of a row.
//!
//! A [`Cell`] is one value with its [`Meaning`]; a [`FlatRow`] collects the members of the change
//! as JSON text. A value that cannot be what its column means is a [`WrongMember`]. All other
//! rules, such as the length of a value, are those of `Change::parse_row`, which reads the text
//! next.

use std::collections::BTreeMap;

use domain::number;
use serde_json::json;
use serde_json::value::RawValue;

use super::mapping::{Meaning, Member};

/// A value of a row. A JSON number keeps its text, as it was written, and never becomes a number of
/// Rust.
pub(super) enum Cell<'a> {
    /// An empty value of a CSV. It says nothing.
    Nothing,
    /// A null. It clears a column of the contact list, and says nothing of any other member.
    Null,
    Bool(bool),
    Number(&'a str),
    /// A value of a CSV, which may stand for any type.
    Text(&'a str),
    /// A string, an array or an object of JSON, as it was written.
    Json(&'a str),
}

impl<'a> Cell<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Cell<'a> {
        match raw.get() {
            "null" => Cell::Null,
            "true" => Cell::Bool(true),
            "false" => Cell::Bool(false),
            text if text.starts_with(['"', '[', '{']) => Cell::Json(text),
            text => Cell::Number(text),
        }
    }

    /// The text of a value of a CSV or of a JSON string.
    fn text(&self) -> Option<String> {
        match self {
            Cell::Text(text) => Some((*text).to_owned()),
            Cell::Json(raw) => serde_json::from_str(raw).ok(),
            _ => None,
        }
    }
}

/// A member of the change that cannot be what the file says, and what was expected.
pub(super) type WrongMember = (&'static str, &'static str);

/// The members of a change, each as JSON text.
#[derive(Default)]
pub(super) struct FlatRow<'a> {
    members: BTreeMap<&'static str, String>,
    data: BTreeMap<&'a str, String>,
    wrong: Vec<WrongMember>,
}

impl<'a> FlatRow<'a> {
    pub(super) fn put(&mut self, meaning: &'a Meaning, value: &Cell<'_>) {
        if let Some(column) = column(value) {
            for name in &meaning.columns {
                self.data.insert(name, column.clone());
            }
        }
        if let Some(member) = meaning.member {
            match self::member(member, value) {
                Ok(Some(json)) => {
                    self.members.insert(member.of_change(), json);
                }
                Ok(None) => {}
                Err(expected) => {
                    self.wrong.push((member.of_change(), expected));
                }
            }
        }
    }

    /// The change as JSON, and the members that had to be left out of it.
    pub(super) fn text(mut self) -> (String, Vec<WrongMember>) {
        // A remove has no data, and implies that nobody may call.
        if self.members.get("operation").map(String::as_str) == Some("\"remove\"") {
            self.members.remove("callable");
        } else {
            self.members.insert("data", object(&self.data));
        }
        (object(&self.members), self.wrong)
    }
}

fn object(members: &BTreeMap<&str, String>) -> String {
    let members = members
        .iter()
        .map(|(name, json)| format!("{}:{json}", json!(name)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// The value of a column of the contact list, as JSON. Contact lists hold texts: a number is kept
/// as it was written. `None` leaves the column as it is.
fn column(value: &Cell<'_>) -> Option<String> {
    Some(match value {
        Cell::Nothing => return None,
        Cell::Null => "null".to_owned(),
        Cell::Bool(flag) => json!(flag.to_string()).to_string(),
        Cell::Number(text) | Cell::Text(text) => json!(text).to_string(),
        Cell::Json(raw) => (*raw).to_owned(),
    })
}

/// The value of a member, as JSON, in the type that schema 1 asks for if that is possible. `None`
/// leaves the member out; an error says what was expected.
fn member(member: Member, value: &Cell<'_>) -> Result<Option<String>, &'static str> {
    match (member, value) {
        (Member::NotCallable, Cell::Nothing | Cell::Null) => Err(FLAG),
        (_, Cell::Nothing | Cell::Null) => Ok(None),
        (Member::Callable, value) => flag(value).map(|may| Some(may.to_string())).ok_or(FLAG),
        (Member::NotCallable, value) => flag(value)
            .map(|may_not| Some((!may_not).to_string()))
            .ok_or(FLAG),
        (Member::Key, Cell::Text(text)) if is_shortened(text) => Err(SHORTENED),
        (Member::Key, Cell::Number(text)) => number::whole(text)
            .map(|digits| Some(json!(digits).to_string()))
            .ok_or("expected a text, or a whole number"),
        (Member::Version, value) => {
            let text = value.text();
            let digits = text.as_deref().and_then(|text| number::whole(text.trim()));
            Ok(digits
                .map(|digits| digits.into_owned())
                .or_else(|| as_json(value)))
        }
        (_, value) => Ok(as_json(value)),
    }
}

/// The value as it is. If its type is wrong, the rules of schema 1 say so later.
fn as_json(value: &Cell<'_>) -> Option<String> {
    match value {
        Cell::Number(text) => Some((*text).to_owned()),
        Cell::Bool(flag) => Some(flag.to_string()),
        value => column(value),
    }
}

const FLAG: &str = "expected true or false, 1 or 0, yes or no";
const SHORTENED: &str = "expected a key whose digits are all there: this one looks like a long number \
                         that Excel shortened (such as 1.23E+11); format the column as text there, and \
                         export it again";

fn flag(value: &Cell<'_>) -> Option<bool> {
    let text = match value {
        Cell::Bool(flag) => return Some(*flag),
        Cell::Number(text) => number::whole(text)?.into_owned(),
        value => value.text()?,
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// Whether the text looks like a number of more than eleven digits that Excel shortened:
/// `1.23E+11`.
pub(in crate::send) fn is_shortened(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let Some((mantissa, exponent)) = unsigned.split_once("E+") else {
        return false;
    };
    // Excel writes a comma in some languages.
    let mut parts = mantissa.splitn(2, ['.', ',']);
    let units = parts
        .next()
        .is_some_and(|units| units.len() == 1 && is_digits(units));
    units && parts.next().is_none_or(is_digits) && is_digits(exponent)
}
