//! What is wrong with a body.

use std::borrow::Cow;
use std::fmt;

/// The members of schema 1. `reset` and `adopt` are of the queue only.
pub(super) const FIELDS: [&str; 16] = [
    "schema",
    "eventId",
    "org",
    "campaignId",
    "contactKey",
    "operation",
    "version",
    "occurredAt",
    "source",
    "data",
    "callable",
    "contactable",
    "phones",
    "ifAbsent",
    "reset",
    "adopt",
];

/// How many faults are shown: a hostile body can have thousands.
const SHOWN: usize = 10;

/// What kind of rule a body breaks. Public: part of ingest's answer (docs/contract.md "Fault
/// codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// The body is not JSON.
    NotJson,
    /// A member is missing.
    Required,
    /// A member is of another JSON type.
    WrongType,
    /// A text is not of the form that its rule asks for.
    WrongFormat,
    /// A number is too small, too large or not whole.
    OutOfRange,
    /// A text is too long, or an empty name.
    TooLong,
    /// There are too many columns.
    TooMany,
    /// A member has no meaning in schema 1.
    UnknownField,
    /// A name stands twice in one object.
    DuplicateField,
    /// A member does not go with the operation, or a value is not taken here.
    NotAllowed,
    /// A time is too far ahead.
    InFuture,
    /// The schema is not 1.
    UnsupportedSchema,
    /// The source's mapping makes no change of it.
    Unmapped,
}

impl FaultCode {
    /// The public name.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultCode::NotJson => "notJson",
            FaultCode::Required => "required",
            FaultCode::WrongType => "wrongType",
            FaultCode::WrongFormat => "wrongFormat",
            FaultCode::OutOfRange => "outOfRange",
            FaultCode::TooLong => "tooLong",
            FaultCode::TooMany => "tooMany",
            FaultCode::UnknownField => "unknownField",
            FaultCode::DuplicateField => "duplicateField",
            FaultCode::NotAllowed => "notAllowed",
            FaultCode::InFuture => "inFuture",
            FaultCode::UnsupportedSchema => "unsupportedSchema",
            FaultCode::Unmapped => "unmapped",
        }
    }
}

/// One broken rule.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer (RFC 6901) to the member. It may hold a name that the sender chose: show it
    /// to the sender only.
    pub pointer: String,
    /// Which kind of rule.
    pub code: FaultCode,
    /// What was expected.
    pub message: Cow<'static, str>,
}

impl Fault {
    /// The pointer without names that the sender chose.
    fn place(&self) -> &str {
        // Of a list of changes, the place within the change.
        let in_list = self.pointer.strip_prefix("/changes/");
        let of_change = in_list.map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        match of_change.unwrap_or(&self.pointer).strip_prefix('/') {
            None => "body",
            Some(name) if name == "changes" || FIELDS.contains(&name) => name,
            Some(name) if name.starts_with("data/") => "data/*",
            Some(name) if name.starts_with("contactable/") => "contactable/*",
            Some(name) if name.starts_with("phones/") => "phones/*",
            Some(_) => "a member that has no meaning",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code == FaultCode::Unmapped {
            // Its place is an item's; what is wrong with it the message tells.
            return f.write_str(&self.message);
        }
        write!(
            f,
            "{}: {} ({})",
            self.place(),
            self.message,
            self.code.as_str()
        )
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Everything that is wrong with a body, in the order of the rules; never empty. `Display` holds no
/// personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Invalid(pub(super) Vec<Fault>);

impl Invalid {
    /// Each broken rule.
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }

    /// Whether the body is of a schema that this version does not know.
    pub fn is_unsupported_schema(&self) -> bool {
        self.0
            .iter()
            .any(|fault| fault.code == FaultCode::UnsupportedSchema)
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        if self.0.len() > SHOWN {
            write!(f, "; and {} more", self.0.len() - SHOWN)?;
        }
        Ok(())
    }
}
