//! The DNC list of an org: who stands on it is called by no campaign that names it, whatever becomes
//! of the contact (docs/genesys-cloud.md "DNC lists").

use std::borrow::Cow;

use crate::change::ContactKey;

/// An internal DNC list, on which opt-outs are put too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DncList {
    /// Its id.
    pub id: DncListId,
    /// What of a contact stands on it.
    pub by: DncBy,
}

/// What of a contact stands on a DNC list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DncBy {
    /// Its key, on a list of the kind `rds_custom`.
    ContactKey,
    /// A phone number, on a list of the kind `rds`.
    Phone {
        /// The column that holds it.
        column: String,
    },
}

/// The id of a DNC list, of the form that the service gives ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DncListId(String);

impl DncListId {
    /// What an id is.
    pub const EXPECTED: &'static str = "1 to 64 characters of A-Z, a-z, 0-9 and -";

    /// # Errors
    /// What was expected, when the text is not of this form.
    pub fn parse(text: &str) -> Result<DncListId, Cow<'static, str>> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
            return Ok(DncListId(text.to_owned()));
        }
        Err(Self::EXPECTED.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DncList {
    /// What of this contact stands on the list; none: it has no number there. `value`: what a column
    /// of the contact holds.
    ///
    /// A number is given as the contact holds it, without white space at its ends: another form of it
    /// might be another number to the service, which compares the two by rules of its own.
    pub fn entry<'a>(
        &self,
        key: &'a ContactKey,
        value: impl FnOnce(&str) -> Option<&'a str>,
    ) -> Option<&'a str> {
        match &self.by {
            DncBy::ContactKey => Some(key.as_str()),
            DncBy::Phone { column } => value(column).and_then(number),
        }
    }
}

/// A number as it stands on a list. A text without a digit, such as `unknown`, is nobody's.
pub fn number(text: &str) -> Option<&str> {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    has_digit.then(|| text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(by: DncBy) -> DncList {
        let id = DncListId::parse("6f9c0e2a-1b7d-4a55-9c30-8e2f7d1a4b60").unwrap();
        DncList { id, by }
    }

    #[test]
    fn by_key_the_entry_is_the_key_and_no_column_is_asked_for() {
        let key = ContactKey::parse("LEAD-00042").unwrap();
        let list = list(DncBy::ContactKey);
        let entry = list.entry(&key, |_| unreachable!("no column says it"));
        assert_eq!(entry, Some("LEAD-00042"));
    }

    #[test]
    fn by_phone_the_entry_is_the_number_as_it_stands_in_the_column_or_none() {
        let column = "phone".to_owned();
        let list = list(DncBy::Phone { column });
        let key = ContactKey::parse("LEAD-00042").unwrap();
        let entry = |value: Option<&'static str>| {
            list.entry(&key, |column| value.filter(|_| column == "phone"))
        };
        for (value, expected) in [
            ("+13175550100", Some("+13175550100")),
            (" \t+1 (317) 555-0100\u{a0}", Some("+1 (317) 555-0100")),
            ("3175550100", Some("3175550100")),
            ("", None),
            ("  ", None),
            ("unknown", None),
            ("+", None),
        ] {
            assert_eq!(entry(Some(value)), expected, "{value:?}");
        }
        assert_eq!(entry(None), None);
    }

    #[test]
    fn an_id_stays_one_segment_of_a_path() {
        assert!(DncListId::parse("made-dnc-list-1").is_ok());
        for wrong in ["", "a/b", "..", "a b", "é", &"a".repeat(65)] {
            assert!(DncListId::parse(wrong).is_err(), "{wrong}");
        }
    }
}
