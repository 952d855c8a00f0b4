//! What becomes of a change whose contact is not in the campaign (docs/contract.md "Who is not in the
//! campaign").

use std::borrow::Cow;

/// The member that says it.
pub(super) const MEMBER: &str = "ifAbsent";

/// What becomes of a change whose contact is not in the campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfAbsent {
    /// It creates the contact.
    #[default]
    Create,
    /// Nothing, but that an opt-out leaves a contact that may not be called: so nothing older makes one
    /// that may.
    Skip,
    /// Nothing, also of an opt-out.
    SkipOptOut,
}

impl IfAbsent {
    const ALL: [IfAbsent; 3] = [IfAbsent::Create, IfAbsent::Skip, IfAbsent::SkipOptOut];

    /// # Errors
    /// What was expected.
    pub(super) fn parse(text: &str) -> Result<IfAbsent, Cow<'static, str>> {
        let mut all = IfAbsent::ALL.into_iter();
        let known = all.find(|if_absent| if_absent.as_str() == text);
        known.ok_or("expected \"create\", \"skip\" or \"skipOptOut\"".into())
    }

    /// Its public name.
    pub fn as_str(self) -> &'static str {
        match self {
            IfAbsent::Create => "create",
            IfAbsent::Skip => "skip",
            IfAbsent::SkipOptOut => "skipOptOut",
        }
    }

    /// How a body says it; none: by nothing, as all bodies did before the member was known.
    pub(super) fn said(self) -> Option<&'static str> {
        (self != IfAbsent::default()).then(|| self.as_str())
    }
}
