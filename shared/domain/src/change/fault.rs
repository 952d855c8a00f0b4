//! The faults of a body: their codes, their places and their texts.
//!
//! A [`Fault`] goes to the sender of a webhook, who may see the names that it chose. `Display` is
//! for logs and leaves such names out.

use std::borrow::Cow;
use std::fmt;

/// The members of schema 1. Only the queue accepts `reset` and `adopt`.
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

/// How many faults `Display` shows. A hostile body can have thousands.
const SHOWN: usize = 10;

/// The kind of rule that a body breaks. The names are public: ingest answers them (docs/contract.md
/// "Fault codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// The body is not JSON.
    NotJson,
    /// A member is missing.
    Required,
    /// A member has the wrong JSON type.
    WrongType,
    /// A text does not have the form that its rule asks for.
    WrongFormat,
    /// A number is too small, too large or not whole.
    OutOfRange,
    /// A text is too long, or a name is empty.
    TooLong,
    /// There are too many columns.
    TooMany,
    /// A member is unknown in schema 1.
    UnknownField,
    /// A name occurs twice in one object.
    DuplicateField,
    /// A member is not allowed with the operation, or a value is not accepted here.
    NotAllowed,
    /// A time is too far in the future.
    InFuture,
    /// The schema is not 1.
    UnsupportedSchema,
    /// The source's mapping makes no change of the item.
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
    /// A JSON pointer (RFC 6901) to the member. It may hold a name that the sender chose, so show
    /// it to the sender only.
    pub pointer: String,
    /// The kind of rule.
    pub code: FaultCode,
    /// What was expected.
    pub message: Cow<'static, str>,
}

impl Fault {
    /// The pointer without names that the sender chose.
    fn place(&self) -> &str {
        // In a list of changes, this is the place within the change.
        let in_list = self.pointer.strip_prefix("/changes/");
        let of_change = in_list.map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        match of_change.unwrap_or(&self.pointer).strip_prefix('/') {
            None => "body",
            Some(name) if name == "changes" || FIELDS.contains(&name) => name,
            Some(name) if name.starts_with("data/") => "data/*",
            Some(name) if name.starts_with("contactable/") => "contactable/*",
            Some(name) if name.starts_with("phones/") => "phones/*",
            Some(_) => "an unknown member",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code == FaultCode::Unmapped {
            // The place is that of an item, and the message says what is wrong with it.
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

/// Every fault of a body, in the order of the rules. It is never empty, and its `Display` holds no
/// personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Invalid(pub(super) Vec<Fault>);

impl Invalid {
    /// The faults.
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }

    /// Whether the body has a schema that this version does not know.
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
