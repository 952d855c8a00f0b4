//! Deliberate defects: they prove that a check which finds nothing wrong could have found it.

/// One defect. [`crate::Context::with_defect`] puts it in, in debug builds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Ranks are not compared: what arrives last wins.
    Rank,
    /// What changes say of `callable` is ignored.
    Callable,
    /// A 409 is taken for success.
    Conflict,
    /// Changes are folded in the wrong order.
    FoldOrder,
}
