//! What a change asks for: its operation, and what goes with that.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::value::RawValue;

use super::{MAX_COLUMN_NAME, MAX_COLUMNS, MAX_VALUE, Reader, Wrong, members, string};
use crate::change::fault::FaultCode;
use crate::change::{Adoption, Operation, RankReset, adoption, reset};
use crate::contact::Columns;

/// The name of an operation, and the member that says what it needs.
type OfOperator = (&'static str, &'static str);

/// Those that only an operator puts into the queue.
pub(super) const OF_OPERATOR: [OfOperator; 2] = [
    (reset::NAME, reset::MEMBER),
    (adoption::NAME, adoption::MEMBER),
];

impl Reader<'_> {
    pub(super) fn operation(&mut self, is_of_queue: bool) -> Option<Operation> {
        let operation: Option<String> =
            self.value("operation", "expected \"upsert\" or \"remove\"");
        let of_operator = |(name, _): &&OfOperator| operation.as_deref() == Some(*name);
        let of_operator = OF_OPERATOR.iter().find(of_operator).filter(|_| is_of_queue);
        let parsed = match of_operator {
            Some((name, member)) => self.of_operator(name, member),
            None => self.upsert_or_remove(operation.as_deref()),
        };
        for (name, member) in OF_OPERATOR {
            if operation.as_deref() != Some(name) && self.has(member) {
                let expected = format!("expected only with operation {name}");
                self.fault(member, FaultCode::NotAllowed, expected);
            }
        }
        parsed
    }

    fn of_operator(&mut self, name: &str, member: &str) -> Option<Operation> {
        for other in ["data", "callable", "version", "occurredAt"] {
            if self.has(other) {
                let expected = format!("expected not with operation {name}");
                self.fault(other, FaultCode::NotAllowed, expected);
            }
        }
        self.missing(member);
        let text = self.member(member)?.get();
        let parsed = match name {
            reset::NAME => RankReset::read(text).map(Operation::ResetRank),
            _ => Adoption::read(text).map(Operation::Adopt),
        };
        parsed
            .map_err(|expected| self.fault(member, FaultCode::WrongFormat, expected))
            .ok()
    }

    fn upsert_or_remove(&mut self, operation: Option<&str>) -> Option<Operation> {
        match operation {
            None if self.has("operation") => None,
            None | Some("upsert") => {
                self.missing("data");
                let callable = self.value("callable", "expected true or false");
                self.data().map(|data| Operation::Upsert { data, callable })
            }
            Some("remove") => {
                for name in ["data", "callable"] {
                    if self.has(name) {
                        self.fault(
                            name,
                            FaultCode::NotAllowed,
                            "expected not with operation remove",
                        );
                    }
                }
                Some(Operation::Remove)
            }
            Some(_) => {
                self.fault(
                    "operation",
                    FaultCode::WrongFormat,
                    "expected \"upsert\" or \"remove\"",
                );
                None
            }
        }
    }

    fn data(&mut self) -> Option<Columns<Option<String>>> {
        let raw = self.member("data")?;
        let members = members(raw.get(), "expected an object of column names")
            .map_err(|(code, expected)| self.fault("data", code, expected))
            .ok()?;
        if members.len() > MAX_COLUMNS {
            self.fault("data", FaultCode::TooMany, "expected at most 50 columns");
        }
        let mut columns = BTreeMap::new();
        for (name, raw) in members {
            let value = match column(&name, raw) {
                Ok(value) => value,
                Err((code, expected)) => {
                    self.column_fault(&name, code, expected);
                    continue;
                }
            };
            match columns.entry(name.into_owned()) {
                Entry::Vacant(new) => {
                    new.insert(value);
                }
                Entry::Occupied(known) => {
                    self.column_fault(known.key(), FaultCode::DuplicateField, "expected once");
                }
            }
        }
        Some(Columns(columns))
    }

    fn column_fault(&mut self, name: &str, code: FaultCode, message: &'static str) {
        let known = self.faults.len();
        self.fault(name, code, message);
        if let Some(fault) = self.faults.get_mut(known) {
            fault.pointer.insert_str(0, "/data");
        }
    }
}

fn column(name: &str, raw: &RawValue) -> Result<Option<String>, Wrong> {
    if !(1..=MAX_COLUMN_NAME).contains(&name.chars().count()) {
        return Err((
            FaultCode::TooLong,
            "expected a column name of 1 to 128 characters",
        ));
    }
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
        _ => Ok(value.map(std::borrow::Cow::into_owned)),
    }
}
