//! The operation of a change, and the members that go with it.

use super::Reader;
use crate::change::fault::FaultCode;
use crate::change::{Adoption, Operation, RankReset, absent, adoption, reset};

/// The members that only an upsert has.
const UPSERT_ONLY: [&str; 4] = ["data", "callable", "contactable", "phones"];

/// The name of an operation, and the member that holds its arguments.
type OfOperator = (&'static str, &'static str);

/// The operations that only an operator puts into the queue.
pub(super) const OPERATOR_ONLY: [OfOperator; 2] = [
    (reset::NAME, reset::MEMBER),
    (adoption::NAME, adoption::MEMBER),
];

impl Reader<'_> {
    pub(super) fn operation(&mut self, is_of_queue: bool) -> Option<Operation> {
        let operation: Option<String> =
            self.value("operation", "expected \"upsert\", \"remove\" or \"leave\"");
        let of_operator = |(name, _): &&OfOperator| operation.as_deref() == Some(*name);
        let of_operator = OPERATOR_ONLY
            .iter()
            .find(of_operator)
            .filter(|_| is_of_queue);
        let parsed = match of_operator {
            Some((name, member)) => self.of_operator(name, member),
            None => self.upsert_or_remove(operation.as_deref()),
        };
        for (name, member) in OPERATOR_ONLY {
            if operation.as_deref() != Some(name) && self.has(member) {
                let expected = format!("expected only with operation {name}");
                self.fault(member, FaultCode::NotAllowed, expected);
            }
        }
        parsed
    }

    fn of_operator(&mut self, name: &str, member: &str) -> Option<Operation> {
        let others = ["version", "occurredAt", absent::MEMBER];
        for other in UPSERT_ONLY.into_iter().chain(others) {
            if self.has(other) {
                let expected = format!("expected no such field with operation {name}");
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
                let lowers = self.lowers();
                self.data().map(|data| Operation::Upsert {
                    data,
                    callable,
                    lowers,
                })
            }
            Some(name @ ("remove" | "leave")) => {
                for other in UPSERT_ONLY {
                    if self.has(other) {
                        let expected = format!("expected no such field with operation {name}");
                        self.fault(other, FaultCode::NotAllowed, expected);
                    }
                }
                Some(match name {
                    "remove" => Operation::Remove,
                    _ => Operation::Leave,
                })
            }
            Some(_) => {
                self.fault(
                    "operation",
                    FaultCode::WrongFormat,
                    "expected \"upsert\", \"remove\" or \"leave\"",
                );
                None
            }
        }
    }
}
