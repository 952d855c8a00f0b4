//! Reads the members of a secret's JSON object one by one. A member that is left over is unknown
//! and is refused.
//!
//! An error names the member and what was expected, and never shows a value.

use std::collections::BTreeSet;

use domain::json;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The fault of a secret, without any of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret is malformed: {0}")]
pub struct MalformedSecret(String);

pub(super) struct Members<'a>(json::Members<'a>);

impl<'a> Members<'a> {
    pub(super) fn of(text: &'a SecretString) -> Result<Members<'a>, MalformedSecret> {
        Self::parse(text.expose_secret())
    }

    pub(super) fn parse(text: &'a str) -> Result<Members<'a>, MalformedSecret> {
        let members: json::Members<'_> = serde_json::from_str(text)
            .map_err(|_| MalformedSecret("expected a JSON object".to_owned()))?;
        let mut names = BTreeSet::new();
        match members.0.iter().find(|(name, _)| !names.insert(name)) {
            Some((name, _)) => Err(Self::wrong(shown(name), "once")),
            None => Ok(Members(members)),
        }
    }

    pub(super) fn wrong(name: &str, expected: &str) -> MalformedSecret {
        MalformedSecret(format!("{name}: expected {expected}"))
    }

    /// The fault of a whole object.
    pub(super) fn malformed(expected: &str) -> MalformedSecret {
        MalformedSecret(format!("expected {expected}"))
    }

    /// Whether a member exists and begins with this bracket: `{` for an object, `[` for an array.
    pub(super) fn begins_with(&self, name: &str, bracket: char) -> bool {
        let mut members = self.0.0.iter();
        members.any(|(other, value)| other == name && value.get().starts_with(bracket))
    }

    /// Whether a member is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.0.iter().any(|(other, _)| other == name)
    }

    /// Refuses a member with any other name, before any member is read. It may be one of these,
    /// misspelt.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), MalformedSecret> {
        self.only_of(known, &format!("none but {}", listed(known)))
    }

    /// As [`Members::only`], with a text of what is expected instead.
    pub(super) fn only_of(&self, known: &[&str], expected: &str) -> Result<(), MalformedSecret> {
        let mut names = self.0.0.iter().map(|(name, _)| name);
        let unknown = names.find(|name| !known.contains(&name.as_ref()));
        unknown.map_or(Ok(()), |name| {
            let MalformedSecret(what) = unknown_member(name);
            Err(MalformedSecret(format!("{what}: expected {expected}")))
        })
    }

    /// Takes a member as it is written. Null counts as absent.
    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let members = &mut self.0.0;
        let place = members.iter().position(|(other, _)| other == name)?;
        let (_, value) = members.swap_remove(place);
        (value.get() != "null").then_some(value)
    }

    /// Takes an optional member of this type.
    pub(super) fn optional<T: DeserializeOwned, U>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(T) -> Option<U>,
    ) -> Result<Option<U>, MalformedSecret> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        serde_json::from_str(value.get())
            .ok()
            .and_then(read)
            .map(Some)
            .ok_or_else(|| Self::wrong(name, expected))
    }

    /// Takes an optional text.
    pub(super) fn text<U>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<U>,
    ) -> Result<Option<U>, MalformedSecret> {
        self.optional(name, expected, |text: String| read(&text))
    }

    /// Takes an optional text. `read` returns what was expected of a wrong one.
    pub(super) fn told<U>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Result<U, &'static str>,
    ) -> Result<Option<U>, MalformedSecret> {
        let text = self.text(name, expected, |text| Some(text.to_owned()))?;
        let read = |text: String| read(&text).map_err(|expected| Self::wrong(name, expected));
        text.map(read).transpose()
    }

    /// Takes a required text.
    pub(super) fn required<U>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<U>,
    ) -> Result<U, MalformedSecret> {
        self.text(name, expected, read)?
            .ok_or_else(|| Self::wrong(name, expected))
    }

    /// Takes a list of texts, which is empty if the member is absent. `read` returns what was
    /// expected of a wrong one.
    pub(super) fn texts<U>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Result<U, &'static str>,
    ) -> Result<Vec<U>, MalformedSecret> {
        let texts = self.optional(name, expected, |texts: Vec<String>| Some(texts))?;
        let read = |text: &String| read(text).map_err(|expected| Self::wrong(name, expected));
        texts.iter().flatten().map(read).collect()
    }

    /// Takes an optional object. A fault of one of its members names the object too.
    pub(super) fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Members<'_>) -> Result<T, MalformedSecret>,
    ) -> Result<Option<T>, MalformedSecret> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let within = |error: MalformedSecret| MalformedSecret(format!("{name}: {}", error.0));
        let all = || {
            let mut members = Members::parse(value.get())?;
            let object = read(&mut members)?;
            members.end().map(|()| object)
        };
        all().map(Some).map_err(within)
    }

    /// Takes an optional member as JSON. A fault that `read` returns gets the name of the member.
    pub(super) fn json<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, MalformedSecret> {
        let value = self.take(name).map(|value| read(value.get()));
        value.transpose().map_err(MalformedSecret)
    }

    /// Takes every member that is left, by name.
    pub(super) fn rest<T: DeserializeOwned, U>(
        &mut self,
        expected: &str,
        read: impl Fn(T) -> Option<U>,
    ) -> Result<Vec<(String, U)>, MalformedSecret> {
        let members = std::mem::take(&mut self.0.0).into_iter();
        let member = |(name, value): (_, &RawValue)| {
            let value = serde_json::from_str(value.get()).ok().and_then(&read);
            let value = value.ok_or_else(|| Self::malformed(expected))?;
            Ok((std::borrow::Cow::into_owned(name), value))
        };
        members.map(member).collect()
    }

    /// Refuses every member that is left.
    pub(super) fn end(self) -> Result<(), MalformedSecret> {
        match self.0.0.first() {
            Some((name, _)) => Err(unknown_member(name)),
            None => Ok(()),
        }
    }
}

fn unknown_member(name: &str) -> MalformedSecret {
    MalformedSecret(match is_word(name) {
        true => format!("unknown member {name:?}"),
        false => shown(name).to_owned(),
    })
}

/// `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => "its kind".to_owned(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// Shows a name that is a word. Another name may be a secret that was pasted in its place.
fn shown(name: &str) -> &str {
    if is_word(name) {
        name
    } else {
        "a member whose name is not a word of letters"
    }
}

fn is_word(name: &str) -> bool {
    (1..=24).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic())
}
