//! The content of a change, as a person reads it.

use domain::{Change, change::Operation};

/// The rank that the change carries: its version, else its time.
pub(crate) fn rank(change: &Change) -> String {
    let version = change.version.map(|version| version.to_string());
    let at = change.occurred_at.map(|at| at.to_string());
    version.or(at).unwrap_or_else(|| "none".to_owned())
}

/// Lists what the change sets: a line for each column, channel and number, and one for `callable`.
pub(crate) fn change(operation: &Operation) -> String {
    let Operation::Upsert {
        data,
        callable,
        lowers,
    } = operation
    else {
        return match operation {
            Operation::Leave => "left this campaign",
            _ => "remove",
        }
        .to_owned();
    };
    let column = |(name, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{name}: {value}"),
        None => format!("{name} is cleared"),
    };
    let mut lines: Vec<_> = data.iter().map(column).collect();
    lines.extend(callable.map(|callable| format!("callable: {callable}")));
    lines.extend(
        lowers
            .channels
            .iter()
            .map(|channel| format!("{}: false", channel.as_str())),
    );
    lines.extend(
        lowers
            .phones
            .iter()
            .map(|phone| format!("calls to {phone}: false")),
    );
    if lines.is_empty() {
        lines.push("nothing".to_owned());
    }
    lines.join("\n")
}
