//! Takes the members of a body one by one, and collects every fault of them.
//!
//! [`super`] says which members a change has and what they mean.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::UNKNOWN;
use super::raw::{Member, members, string};
use crate::change::fault::{self, Fault, FaultCode, Invalid};

/// The most faults that are reported. A hostile body can break a rule tens of thousands of times.
const MAX_FAULTS: usize = 100;

type Parse<T> = fn(&str) -> Result<T, Cow<'static, str>>;

/// The members of a body, and the faults that were found in them.
pub(super) struct Reader<'a> {
    /// The members of the body, each of them once.
    members: Vec<Member<'a>>,
    pub(super) faults: Vec<Fault>,
    /// The message of a fault about a member that differs from the known value.
    known: &'static str,
}

impl<'a> Reader<'a> {
    /// Takes the members of a body apart. `known` is the message of a fault about a member that
    /// differs from the value that its origin fixes.
    ///
    /// # Errors
    /// The body is no JSON object.
    pub(super) fn open(body: &'a str, known: &'static str) -> Result<Reader<'a>, Invalid> {
        let whole = |code, message: &'static str| {
            let (pointer, message) = (String::new(), message.into());
            Invalid(vec![Fault {
                pointer,
                code,
                message,
            }])
        };
        let is_json = || serde_json::from_str::<&RawValue>(body).is_ok();
        let members = match members(body, "expected an object") {
            Ok(members) => members,
            Err((code, message)) if is_json() => return Err(whole(code, message)),
            Err(_) => return Err(whole(FaultCode::NotJson, "expected one JSON object")),
        };
        let mut reader = Reader {
            members: Vec::with_capacity(fault::FIELDS.len()),
            faults: Vec::new(),
            known,
        };
        for (name, value) in members {
            if !fault::FIELDS.contains(&name.as_ref()) {
                reader.fault(&name, FaultCode::UnknownField, UNKNOWN);
                continue;
            }
            if reader.remove(&name) {
                reader.fault(&name, FaultCode::DuplicateField, "expected only once");
            }
            reader.members.push((name, value));
        }
        Ok(reader)
    }

    /// The value of a member, as it is written.
    pub(super) fn member(&self, name: &str) -> Option<&'a RawValue> {
        let member = self.members.iter().find(|(member, _)| member == name);
        member.map(|(_, value)| *value)
    }

    /// Whether the body has a member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// Takes a member out, and returns whether there was one.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let known = self.members.len();
        self.members.retain(|(member, _)| member != name);
        self.members.len() < known
    }

    /// Notes a fault of a member.
    pub(super) fn fault(
        &mut self,
        name: &str,
        code: FaultCode,
        message: impl Into<Cow<'static, str>>,
    ) {
        if self.faults.len() >= MAX_FAULTS {
            return;
        }
        let escaped = name.replace('~', "~0").replace('/', "~1");
        self.faults.push(Fault {
            pointer: format!("/{escaped}"),
            code,
            message: message.into(),
        });
    }

    /// Notes a fault if the body lacks a member.
    pub(super) fn missing(&mut self, name: &str) {
        if !self.has(name) {
            self.fault(name, FaultCode::Required, "expected this field");
        }
    }

    /// Takes a member of type `T`. An absent member is `None`, and another type is a fault.
    pub(super) fn value<T: Deserialize<'a>>(
        &mut self,
        name: &str,
        expected: &'static str,
    ) -> Option<T> {
        let raw = self.member(name)?;
        let value = serde_json::from_str(raw.get()).ok();
        if value.is_none() {
            self.fault(name, FaultCode::WrongType, expected);
        }
        value
    }

    /// Takes the text of a number, as it was written.
    pub(super) fn number(&mut self, name: &str, expected: &'static str) -> Option<&'a str> {
        let text = self.member(name)?.get();
        if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Some(text);
        }
        self.fault(name, FaultCode::WrongType, expected);
        None
    }

    /// Takes a text. An absent member is `None`, and a wrong one is a fault.
    pub(super) fn text<T>(&mut self, name: &str, parse: Parse<T>) -> Option<T> {
        let raw = self.member(name)?;
        let parsed = match string(raw) {
            Ok(Some(text)) => parse(&text).map_err(|expected| (FaultCode::WrongFormat, expected)),
            Ok(None) => Err((FaultCode::WrongType, "expected a string".into())),
            Err(half) => Err((FaultCode::WrongFormat, half.into())),
        };
        parsed
            .map_err(|(code, expected)| self.fault(name, code, expected))
            .ok()
    }

    /// Takes a text. An absent member is a fault, and so is a wrong one.
    pub(super) fn required<T>(&mut self, name: &str, parse: Parse<T>) -> Option<T> {
        self.missing(name);
        self.text(name, parse)
    }

    /// Takes a member whose value is known already. It may be left out, and another value is a
    /// fault.
    pub(super) fn filled<T: PartialEq>(
        &mut self,
        name: &str,
        parse: Parse<T>,
        known: Option<T>,
        is_required: bool,
    ) -> Option<T> {
        if known.is_none() && is_required {
            self.missing(name);
        }
        match (self.text(name, parse), known) {
            (Some(said), Some(known)) if said != known => {
                self.fault(name, FaultCode::NotAllowed, self.known);
                None
            }
            (said, known) => said.or(known),
        }
    }
}
