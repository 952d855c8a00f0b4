//! The members of a secret's JSON object, taken one by one: what is left over is unknown, and
//! refused.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// What is wrong with a secret, without anything of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret is malformed: {0}")]
pub struct MalformedSecret(String);

pub(super) struct Members(Map<String, Value>);

impl Members {
    pub(super) fn of(text: &SecretString) -> Result<Members, MalformedSecret> {
        let members = serde_json::from_str(text.expose_secret());
        members
            .map(Members)
            .map_err(|_| MalformedSecret("expected a JSON object".to_owned()))
    }

    pub(super) fn wrong(name: &str, expected: &str) -> MalformedSecret {
        MalformedSecret(format!("{name}: expected {expected}"))
    }

    /// Any member. Null counts as absent.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A text that may be absent.
    pub(super) fn text<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, MalformedSecret> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        value
            .as_str()
            .and_then(read)
            .map(Some)
            .ok_or_else(|| Self::wrong(name, expected))
    }

    /// A text that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, MalformedSecret> {
        self.text(name, expected, read)?
            .ok_or_else(|| Self::wrong(name, expected))
    }

    /// Texts, none where the member is absent.
    pub(super) fn texts<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, MalformedSecret> {
        let Some(value) = self.take(name) else {
            return Ok(Vec::new());
        };
        let texts = value
            .as_array()
            .and_then(|texts| texts.iter().map(|text| read(text.as_str()?)).collect());
        texts.ok_or_else(|| Self::wrong(name, expected))
    }

    /// All that was not taken is unknown.
    pub(super) fn end(self) -> Result<(), MalformedSecret> {
        match self.0.keys().next() {
            // A name that is a word is shown; anything else may be a secret that was pasted in its
            // place.
            Some(name)
                if name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_alphabetic()) =>
            {
                Err(MalformedSecret(format!("unknown member {name:?}")))
            }
            Some(_) => Err(MalformedSecret("a member whose name is no word".to_owned())),
            None => Ok(()),
        }
    }
}
