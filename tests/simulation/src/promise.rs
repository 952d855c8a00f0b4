//! The promise that a violation breaks, and how grave that is.
//!
//! docs/simulation.md lists the promises. The checks that find violations are in `checks`.

/// The beginning of a violation: the number of the promise, or a word.
pub fn of_promise(violation: &str) -> &str {
    violation.split(':').next().unwrap_or_default()
}

/// How grave it is to break a promise, the gravest first: a call to somebody who opted out, then
/// lost or wrong data.
pub fn gravity(promise: &str) -> usize {
    ["3", "7", "8", "1", "4", "2"]
        .iter()
        .position(|of| *of == promise)
        .unwrap_or(6)
}
