//! The objects of a change: columns, channels and numbers. The other members are read in [`super`].

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::{Reader, Wrong, members, string};
use crate::change::FaultCode;
use crate::channel::{Channel, Lowered};
use crate::contact::Columns;

const DATA: &str = "data";
const MAX_COLUMNS: usize = 50;
const MAX_COLUMN_NAME: usize = 128;
const MAX_VALUE: usize = 512;

const FEW: &str = "expected at most 50 columns";
const NAMES: &str =
    "expected names that hold a letter, such as Sms and homePhone, and no phone numbers";
const ONCE: &str = "expected once";
/// The version column holds one rank. It cannot rank each channel and number, so they cannot be
/// raised.
const ONLY_LOWERED: &str = "expected false: channels and numbers are only lowered here, since no rank \
                            is stored for each of them; raise it in Genesys Cloud";

impl Reader<'_> {
    pub(super) fn data(&mut self) -> Option<Columns<Option<String>>> {
        let raw = self.member(DATA)?;
        let members = members(raw.get(), "expected an object of column names")
            .map_err(|(code, expected)| self.fault(DATA, code, expected))
            .ok()?;
        if members.len() > MAX_COLUMNS {
            self.fault(DATA, FaultCode::TooMany, FEW);
        }
        let mut columns = BTreeMap::new();
        for (name, raw) in members {
            let value = match column(&name, raw) {
                Ok(value) => value,
                Err((code, expected)) => {
                    self.fault_within(DATA, &name, code, expected);
                    continue;
                }
            };
            match columns.entry(name.into_owned()) {
                Entry::Vacant(new) => {
                    new.insert(value);
                }
                Entry::Occupied(known) => {
                    self.fault_within(DATA, known.key(), FaultCode::DuplicateField, ONCE);
                }
            }
        }
        Some(Columns(columns))
    }

    /// Reads channels and numbers. Each wrong entry is a fault of its own.
    pub(super) fn lowers(&mut self) -> Lowered {
        let channel = |name: &str| {
            Channel::of(name).ok_or((
                FaultCode::UnknownField,
                "expected Voice, Sms, Email or WhatsApp",
            ))
        };
        let channels = self.lowered("contactable", "expected an object of channels", channel);
        let column = |name: &str| column_name(name).map(|()| name.to_owned());
        let phones = self.lowered("phones", "expected an object of column names", column);
        if phones.len() > MAX_COLUMNS {
            self.fault("phones", FaultCode::TooMany, FEW);
        }
        Lowered { channels, phones }
    }

    /// Reads an object whose members must all be `false`, and returns their names.
    fn lowered<T: Clone + Ord>(
        &mut self,
        member: &'static str,
        expected: &'static str,
        of: impl Fn(&str) -> Result<T, Wrong>,
    ) -> BTreeSet<T> {
        let mut lowered = BTreeSet::new();
        let Some(raw) = self.member(member) else {
            return lowered;
        };
        let members = match members(raw.get(), expected) {
            Ok(members) => members,
            Err((code, expected)) => {
                self.fault(member, code, expected);
                return lowered;
            }
        };
        for (name, raw) in members {
            // Names are shown in faults. A name without a letter may be a phone number, so it is
            // not shown.
            if !name.is_empty() && !name.chars().any(char::is_alphabetic) {
                self.fault(member, FaultCode::WrongFormat, NAMES);
                continue;
            }
            let wrong = match (of(&name), raw.get()) {
                (Err(wrong), _) => wrong,
                (Ok(it), "false") if lowered.insert(it.clone()) => continue,
                (Ok(_), "false") => (FaultCode::DuplicateField, ONCE),
                (Ok(_), "true") => (FaultCode::NotAllowed, ONLY_LOWERED),
                (Ok(_), _) => (FaultCode::WrongType, "expected false"),
            };
            self.fault_within(member, &name, wrong.0, wrong.1);
        }
        lowered
    }

    fn fault_within(&mut self, member: &str, name: &str, code: FaultCode, message: &'static str) {
        let known = self.faults.len();
        self.fault(name, code, message);
        if let Some(fault) = self.faults.get_mut(known) {
            fault.pointer.insert_str(0, &format!("/{member}"));
        }
    }
}

fn column_name(name: &str) -> Result<(), Wrong> {
    if (1..=MAX_COLUMN_NAME).contains(&name.chars().count()) {
        return Ok(());
    }
    Err((
        FaultCode::TooLong,
        "expected a column name of 1 to 128 characters",
    ))
}

fn column(name: &str, raw: &RawValue) -> Result<Option<String>, Wrong> {
    column_name(name)?;
    let value = match string(raw) {
        Ok(None) if raw.get() != "null" => {
            return Err((FaultCode::WrongType, "expected a string, or null to clear"));
        }
        Ok(value) => value,
        Err(half) => return Err((FaultCode::WrongFormat, half)),
    };
    match &value {
        Some(text) if text.chars().count() > MAX_VALUE => {
            Err((FaultCode::TooLong, "expected at most 512 characters"))
        }
        _ => Ok(value.map(Cow::into_owned)),
    }
}
