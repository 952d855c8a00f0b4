//! The effect of a change whose contact is not in the campaign (docs/contract.md "Who is not in the
//! campaign").

use std::borrow::Cow;

/// The name of the member.
pub(super) const MEMBER: &str = "ifAbsent";

/// The effect of a change whose contact is not in the campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfAbsent {
    /// The change creates the contact.
    #[default]
    Create,
    /// The change does nothing, except that an opt-out creates a contact that may not be called. So
    /// no older change can create one that may.
    Skip,
    /// The change does nothing, even if it is an opt-out.
    SkipOptOut,
}

impl IfAbsent {
    const ALL: [IfAbsent; 3] = [IfAbsent::Create, IfAbsent::Skip, IfAbsent::SkipOptOut];

    /// Reads the value of the member.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub(super) fn parse(text: &str) -> Result<IfAbsent, Cow<'static, str>> {
        let mut all = IfAbsent::ALL.into_iter();
        let known = all.find(|if_absent| if_absent.as_str() == text);
        known.ok_or("expected \"create\", \"skip\" or \"skipOptOut\"".into())
    }

    /// The public name.
    pub fn as_str(self) -> &'static str {
        match self {
            IfAbsent::Create => "create",
            IfAbsent::Skip => "skip",
            IfAbsent::SkipOptOut => "skipOptOut",
        }
    }

    /// The value in a body. `None` leaves the member out, as every body did before the member
    /// existed.
    pub(super) fn said(self) -> Option<&'static str> {
        (self != IfAbsent::default()).then(|| self.as_str())
    }
}
