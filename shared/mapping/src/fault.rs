//! The errors of this crate: a mapping that is refused, and an item that cannot be mapped.
//!
//! Both are shown to operators and written to logs. So neither holds a value of a payload.

use std::fmt;

use crate::change::Mapped;

/// Why a mapping is refused: the member at fault, and for a program the place in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidMapping {
    /// The member of `mapping`. It is empty if the mapping as a whole is at fault.
    pub member: String,
    /// The line and the column in the program, counted from 1.
    pub place: Option<(usize, usize)>,
    /// The rule that is broken, or the value that was expected.
    pub message: String,
}

impl InvalidMapping {
    pub(crate) fn member(member: &str, message: impl Into<String>) -> InvalidMapping {
        InvalidMapping {
            member: member.to_owned(),
            place: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for InvalidMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mapping")?;
        if !self.member.is_empty() {
            write!(f, ".{}", self.member)?;
        }
        if let Some((line, column)) = self.place {
            write!(f, ", line {line}, column {column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Why an item, or a whole body, cannot be mapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{program}: {kind}")]
pub struct ItemFault {
    pub(crate) program: &'static str,
    pub(crate) kind: Kind,
    /// The changes that could be read in part, each with its valid members alone. They are enough
    /// to honour an opt-out, but must not be applied as changes.
    pub sound: Vec<Mapped>,
}

impl ItemFault {
    /// The kind of the fault, as one word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self.kind {
            Kind::NotJson => "notJson",
            Kind::TooDeep => "tooDeep",
            Kind::Twice => "duplicateName",
            Kind::NoItems => "noItems",
            Kind::CloudEvent => "cloudEvent",
            Kind::Failed(_) => "programFailed",
            Kind::TooMany(_) => "tooMany",
            Kind::Value { .. } => "invalidValue",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Kind {
    #[error("not JSON")]
    NotJson,
    #[error("nested deeper than 128")]
    TooDeep,
    #[error("a name occurs twice in one object")]
    Twice,
    #[error("`items` leads to neither a list nor an object")]
    NoItems,
    #[error("the attributes of the event are no JSON object")]
    CloudEvent,
    /// The message is a literal of the program, or of this crate.
    #[error("the program failed: {0}")]
    Failed(String),
    #[error("more than {0} changes from one item")]
    TooMany(usize),
    /// `place` is a pointer into the value that the program yields. Names that come from the
    /// payload appear in it as `*`.
    #[error("what the program yields, at {place:?}: expected {expected}")]
    Value {
        place: String,
        expected: &'static str,
    },
}

impl Kind {
    pub(crate) fn value(place: impl Into<String>, expected: &'static str) -> Kind {
        Kind::Value {
            place: place.into(),
            expected,
        }
    }
}
