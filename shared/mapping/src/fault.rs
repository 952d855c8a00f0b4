//! What is said where a mapping is refused, or an item cannot be mapped. Neither holds a value of a
//! payload.

use std::fmt;

use crate::change::Mapped;

/// Why a mapping is refused: the member, and of a program the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// The member of `mapping`; empty: the whole of it.
    pub member: String,
    /// Line and column in the program, from 1.
    pub place: Option<(usize, usize)>,
    /// What is wrong, or what was expected.
    pub message: String,
}

impl Refused {
    pub(crate) fn member(member: &str, message: impl Into<String>) -> Refused {
        Refused {
            member: member.to_owned(),
            place: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for Refused {
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
    /// What could be read of its changes: the members that are as they must be. Enough to hear an opt-out,
    /// and no change.
    pub sound: Vec<Mapped>,
}

impl ItemFault {
    /// What kind of a fault it is, in one word.
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
    #[error("no JSON")]
    NotJson,
    #[error("nested deeper than 128")]
    TooDeep,
    #[error("a name stands twice in one object")]
    Twice,
    #[error("`items` leads to neither a list nor an object")]
    NoItems,
    #[error("the attributes of the event are no JSON object")]
    CloudEvent,
    /// The text is one of the program's own, or of this crate.
    #[error("the program failed: {0}")]
    Failed(String),
    #[error("more than {0} changes from one item")]
    TooMany(usize),
    /// A place in what the program yields, in which names of the payload are `*`.
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
