//! Times, ids and values as several vendors write them.

use super::*;

/// The beginning of the second in which `at` lies; both in milliseconds since 1970.
pub(super) fn second(at: i64) -> i64 {
    at - at.rem_euclid(1_000)
}

/// The time as vendors write a whole second: `2026-11-24T16:00:00Z`.
pub(super) fn whole(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(second(at));
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// The time as vendors write milliseconds: `2026-11-24T16:00:00.250Z`.
pub(super) fn precise(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at);
    at.map(|at| format!("{at:.3}")).unwrap_or_default()
}

/// A random GUID.
pub(super) fn guid(rng: &mut Rng) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        rng.u32(..),
        rng.u16(..),
        rng.u16(..4_096),
        rng.u16(..4_096),
        rng.u64(..1 << 48)
    )
}

/// The member `columns` of a mapping: the column for each field.
pub(super) fn columns(fields: &[(&str, &str)]) -> Value {
    fields
        .iter()
        .map(|(field, column)| ((*field).to_owned(), (*column).into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The values of the columns `names`, each behind the name of its field.
pub(super) fn values<'a>(
    fields: &'a [(&'a str, &'a str)],
    record: &'a Record,
    names: &'a [&'static str],
) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
    let fields = fields
        .iter()
        .filter(move |(_, column)| names.contains(column));
    fields.map(|(field, column)| (*field, record.columns[column].as_deref()))
}
