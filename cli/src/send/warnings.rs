//! Finds probable mistakes that no rule forbids, so that a person sees them before the file is
//! sent.
//!
//! A warning names the places of rows and no value. It does not stop the file. A fault does: see
//! [`rows`](super::rows) or [`target`](super::target).

use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};

use domain::Change;
use domain::change::is_invisible;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::rows::is_shortened;
use crate::table::number;

/// The most places that are named of each kind.
const MOST_PLACES: usize = 3;
/// The most keys that are held for comparison with later ones. A contact list holds fewer contacts.
const MOST_KEYS: usize = 1_800_000;

/// A probable mistake in a key or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum WarningKind {
    /// An earlier key differs from it only in case or by Unicode normalisation.
    Twin,
    /// The key holds a character that nobody sees.
    Invisible,
    /// The key holds a character that contact lists refuse.
    Special,
    /// The key is a whole number with `.0` behind it.
    Decimal,
    /// A value is a long number that lost digits.
    Shortened,
    /// A value holds the end of a line. Two stray quotes can hide a row in such a value.
    LineEnd,
}

impl WarningKind {
    fn told(self) -> &'static str {
        match self {
            WarningKind::Twin => {
                "the key differs from an earlier one only in case, or by Unicode normalisation: to \
                 campaign-sync they are two contacts, to Genesys Cloud perhaps one"
            }
            WarningKind::Invisible => {
                "the key holds a character that nobody sees: it is another contact than that of the \
                 key that it looks like"
            }
            WarningKind::Special => {
                "the key holds other characters than ASCII letters, digits, - _ and .: Genesys Cloud \
                 refuses \"special characters\" in the keys of a contact list, and then the change is \
                 parked"
            }
            WarningKind::Decimal => {
                "the key is a number that ends in .0, as programs write a whole number by mistake: it \
                 is another contact than that of the number without"
            }
            WarningKind::Shortened => {
                "a value looks like a long number that Excel shortened (such as 1.23E+11): digits are \
                 lost"
            }
            WarningKind::LineEnd => {
                "a value goes on in the next line: if a quote stands there by mistake, the value holds \
                 another row"
            }
        }
    }
}

/// The warnings about a file, collected change by change.
pub(super) struct Warnings {
    /// Whether the org uses the API of contact lists.
    is_of_lists: bool,
    keys: HashSet<KeyDigest>,
    found: BTreeMap<WarningKind, (u64, Vec<String>)>,
}

impl Warnings {
    pub(super) fn new(is_of_lists: bool) -> Warnings {
        Warnings {
            is_of_lists,
            keys: HashSet::new(),
            found: BTreeMap::new(),
        }
    }

    pub(super) fn look(&mut self, place: &str, change: &Change) {
        let key = change.key.as_str();
        let own = KeyDigest::of(key);
        let first = self.keys.get(&own);
        let is_twin = first.is_some_and(|first| first.0 != own.0);
        if first.is_none() && self.keys.len() < MOST_KEYS {
            self.keys.insert(own);
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_decimal =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let data = change.operation.data();
        let any_value = |is_so: fn(&String) -> bool| {
            let mut values = data.iter().flat_map(|data| data.values().flatten());
            values.any(is_so)
        };
        for (kind, is_so) in [
            (WarningKind::Twin, is_twin),
            (WarningKind::Invisible, key.chars().any(is_invisible)),
            (
                WarningKind::Special,
                self.is_of_lists && !key.chars().all(is_plain),
            ),
            (
                WarningKind::Decimal,
                key.strip_suffix(".0").is_some_and(is_decimal),
            ),
            (
                WarningKind::Shortened,
                any_value(|value| is_shortened(value)),
            ),
            (
                WarningKind::LineEnd,
                any_value(|value| value.contains(['\n', '\r'])),
            ),
        ] {
            if is_so {
                let (count, places) = self.found.entry(kind).or_default();
                *count += 1;
                if places.len() < MOST_PLACES {
                    places.push(place.to_owned());
                }
            }
        }
    }

    /// The warnings, one line for each kind.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |(kind, (count, places)): (&WarningKind, &(u64, Vec<String>))| {
            let more = match count - places.len() as u64 {
                0 => String::new(),
                more => format!(" and {} more", number(more)),
            };
            format!("{}{more}: {}", places.join(", "), kind.told())
        };
        self.found.iter().map(line).collect()
    }
}

/// The key in lower case and in Unicode's composed form.
fn folded(key: &str) -> String {
    // Upper case comes first, so that "ß" and "SS" become equal.
    let folded: String = key
        .nfc()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    folded.nfc().collect()
}

fn hash(text: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&Sha256::digest(text)[..8]);
    u64::from_be_bytes(first)
}

/// A contact key in eight bytes. The first 48 bits are a hash of the [`folded`] key: keys that look
/// alike have the same, and only these bits are compared. The last 16 are a hash of the key itself:
/// they tell whether two keys that look alike are the same key. Hashes collide: among a million
/// keys that do not look alike, one is taken for a twin in one file of five hundred.
#[derive(Clone, Copy)]
struct KeyDigest(u64);

impl KeyDigest {
    fn of(key: &str) -> KeyDigest {
        let own = 0xFFFF;
        KeyDigest(hash(&folded(key)) & !own | hash(key) & own)
    }

    fn folded(self) -> u64 {
        self.0 >> 16
    }
}

impl PartialEq for KeyDigest {
    fn eq(&self, other: &KeyDigest) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for KeyDigest {}

impl Hash for KeyDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(keys: &[&str], is_of_lists: bool) -> Vec<String> {
        let mut warnings = Warnings::new(is_of_lists);
        for (place, key) in keys.iter().enumerate() {
            let body = serde_json::json!({
                "schema": 1, "eventId": "e", "org": "o", "campaignId": "c", "contactKey": key,
                "data": { "phone": "+13175550100" },
            });
            warnings.look(
                &format!("line {}", place + 2),
                &Change::parse(&body.to_string()).unwrap(),
            );
        }
        warnings.lines()
    }

    #[test]
    fn keys_that_look_alike_get_a_warning_and_a_repeated_key_gets_none() {
        assert!(lines(&["LEAD-1", "LEAD-1", "LEAD-2", "lead 2"], false).is_empty());
        for twins in [
            ["LEAD-1", "lead-1"],
            ["Zoe\u{308}", "Zo\u{EB}"],
            ["straße", "STRASSE"],
        ] {
            let told = lines(&twins, false);
            assert_eq!(told.len(), 1, "{twins:?}");
            assert!(
                told[0].starts_with("line 3: the key differs from an earlier one"),
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_suspicious_key_gets_a_warning_without_the_key() {
        for (key, expected) in [
            (
                "LEAD\u{200B}-1",
                "line 2: the key holds a character that nobody sees",
            ),
            ("17.0", "line 2: the key is a number that ends in .0"),
        ] {
            let told = lines(&[key], false);
            assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?}");
            assert!(!told[0].contains(key));
        }
        for key in ["ann@example.com", "LEAD 7", "Müller-1"] {
            assert!(lines(&[key], false).is_empty(), "predictive takes any");
            assert!(
                lines(&[key], true)[0].starts_with("line 2: the key holds other characters"),
                "{key}"
            );
        }
        assert!(lines(&["Lead-1_a.b"], true).is_empty());
        let many = lines(&["1.0", "2.0", "3.0", "4.0", "5.0"], false);
        assert!(
            many[0].starts_with("line 2, line 3, line 4 and 2 more: the key"),
            "{many:?}"
        );
    }
}
