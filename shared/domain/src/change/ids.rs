//! Identifiers as types. A value of such a type was checked once; it cannot be confused with
//! another kind of id, and it cannot be invalid. All compare byte for byte. [`super`] has the
//! change that they identify, and docs/contract.md "Contact change" the rules for each.

use std::borrow::Cow;
use std::fmt;

use super::invisible;

/// Defines a string type that holds only what its rule allows. The second form hides the text in
/// `Debug`.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $rule:expr) => {
        text_type!(@type $(#[$doc])* $name, $expected, $rule);
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
    (personal, $(#[$doc:meta])* $name:ident, $expected:literal, $rule:expr) => {
        text_type!(@type $(#[$doc])* $name, $expected, $rule);
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }
    };
    (@type $(#[$doc:meta])* $name:ident, $expected:literal, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The rule, for error messages.
            pub const EXPECTED: &'static str = $expected;

            /// Checks a text.
            ///
            /// # Errors
            /// A message that says what was expected, without the text itself.
            pub fn parse(text: &str) -> Result<$name, Cow<'static, str>> {
                $name::check(text).map(|()| $name(text.to_owned()))
            }

            fn check(text: &str) -> Ruled {
                let rule: fn(&str) -> Ruled = $rule;
                rule(text)
            }

            /// The text, byte for byte as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

type Ruled = Result<(), Cow<'static, str>>;

fn only(text: &str, longest: usize, allowed: fn(u8) -> bool, expected: &'static str) -> Ruled {
    let holds = (1..=longest).contains(&text.len()) && text.bytes().all(allowed);
    if holds { Ok(()) } else { Err(expected.into()) }
}

fn lower_case_name(text: &str, expected: &'static str) -> Ruled {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    only(text, 32, allowed, expected)
}

/// A key must not begin or end with invisible characters. Such a key looks like another one but
/// names another contact, so an opt-out for it would reach nobody.
fn contact_key(text: &str) -> Ruled {
    for (end, last) in [
        ("begin", text.chars().next()),
        ("end", text.chars().next_back()),
    ] {
        let Some(c) = last.filter(|c| c.is_whitespace() || invisible::is_invisible(*c)) else {
            continue;
        };
        let what = if c.is_whitespace() {
            "white space"
        } else {
            "a character that nobody sees"
        };
        let code = u32::from(c);
        return Err(format!("expected not to {end} with {what} (U+{code:04X})").into());
    }
    let is_legal = (1..=255).contains(&text.len())
        && !text
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
        && !matches!(text, "." | "..");
    if is_legal {
        Ok(())
    } else {
        Err(ContactKey::EXPECTED.into())
    }
}

text_type!(
    /// The name of an org: the last part of the name of its secret.
    OrgId,
    "expected 1 to 32 characters of a-z, 0-9 and -",
    |text| lower_case_name(text, Self::EXPECTED)
);
text_type!(
    /// The id of a campaign of Genesys Cloud.
    CampaignId,
    "expected 1 to 48 characters of A-Z, a-z, 0-9 and -",
    |text| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        only(text, 48, allowed, Self::EXPECTED)
    }
);
text_type!(
    /// The name of a sender of changes.
    SourceName,
    "expected 1 to 32 characters of a-z, 0-9 and -",
    |text| lower_case_name(text, Self::EXPECTED)
);
text_type!(
    /// The id of an event. The CRM keeps it when it sends the event again.
    EventId,
    "expected 1 to 128 visible ASCII characters",
    |text| only(text, 128, |byte| byte.is_ascii_graphic(), Self::EXPECTED)
);
text_type!(
    personal,
    /// The key of a contact within its campaign. It may be personal data, so `Debug` hides it.
    ContactKey,
    "expected 1 to 255 bytes, without control characters, U+FFFE and U+FFFF, and neither . nor ..",
    contact_key
);

impl EventId {
    /// The event id of a change from a run of reconcile. `what` must be visible ASCII characters.
    pub(super) fn of_run(what: &str) -> EventId {
        EventId(format!("reconcile-{what}"))
    }

    /// The event id of an operator's adoption. `what` must be visible ASCII characters.
    pub(super) fn of_adoption(what: &str) -> EventId {
        EventId(format!("adopt-{what}"))
    }
}

impl SourceName {
    /// The source of changes that reconcile makes.
    pub(super) fn reconcile() -> SourceName {
        SourceName("reconcile".to_owned())
    }
}

/// The SQS message group of one contact of one campaign. It is valid whatever the key holds, and it
/// holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageGroup(String);

impl ContactKey {
    /// The part that identifies the contact without personal data: the first 32 hex digits of the
    /// key's SHA-256.
    pub fn hash(&self) -> String {
        let mut hash = crate::sha256_hex(self.as_str().as_bytes());
        hash.truncate(32);
        hash
    }
}

impl MessageGroup {
    /// The message group of a contact.
    pub fn of(org: &OrgId, campaign: &CampaignId, key: &ContactKey) -> MessageGroup {
        MessageGroup(format!("{org}/{campaign}/{}", key.hash()))
    }

    /// Whether a text has the form of a message group. A text that has not may be anything, even a
    /// contact key.
    pub fn is_well_formed(text: &str) -> bool {
        let mut parts = text.splitn(3, '/');
        let (Some(org), Some(campaign), Some(hash)) = (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        OrgId::check(org).is_ok()
            && CampaignId::check(campaign).is_ok()
            && hash.len() == 32
            && hash
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    }

    /// The text that SQS compares.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
