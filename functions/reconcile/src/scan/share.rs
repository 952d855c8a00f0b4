//! The share of a campaign that differs, and whether that is more than can be right.

use crate::input::{Cursor, Input};

/// Up to this number of differing contacts, no share of them stops a run.
pub(super) const MOST_DRIFT: u64 = 100;

/// How many contacts of one campaign were checked, and how many of them differed. The runs that
/// continued from one cursor to the next are added up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DriftShare {
    pub(crate) checked: u64,
    pub(crate) drifted: u64,
}

impl DriftShare {
    pub(super) fn of(at: &Cursor) -> DriftShare {
        DriftShare {
            checked: at.checked,
            drifted: at.drifted,
        }
    }

    pub(super) fn is_over(self, percent: u64) -> bool {
        self.drifted * 100 > self.checked * percent
    }

    /// Whether more of the campaign differs than can be right.
    pub(crate) fn is_too_much(self, input: &Input) -> bool {
        self.drifted > MOST_DRIFT && self.is_over(input.max_drift_percent) && !input.force
    }
}
