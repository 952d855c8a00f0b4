//! The bodies of calls to a DNC list: what is in one, and how many entries fit.

use bytes::Bytes;
use domain::dnc::{DncBy, DncList};
use domain::failure::Failure;

use super::super::contact_lists::json;
use super::super::wire;
use super::MOST_ENTRIES;

const MOST_BYTES: usize = 512_000;
/// The bytes of a body without its entries, rounded up.
const FRAME: usize = 128;

#[derive(Clone, Copy)]
pub(super) enum DncEdit {
    Add,
    Remove,
}

/// The body of a call.
pub(super) fn body(
    list: &DncList,
    action: DncEdit,
    entries: &[&str],
    what: &'static str,
) -> Result<Bytes, Failure> {
    let is_by_phone = matches!(list.by, DncBy::Phone { .. });
    let patch = wire::DncPatch {
        action: match action {
            DncEdit::Add => "Add",
            DncEdit::Remove => "Remove",
        },
        phone_numbers: is_by_phone.then_some(entries),
        custom_exclusion_column_entries: (!is_by_phone).then_some(entries),
    };
    json(&patch, what)
}

/// Divides entries into parts that fit into one call each.
pub(super) fn parts<'a, 'e>(entries: &'a [&'e str]) -> Vec<&'a [&'e str]> {
    let (mut parts, mut from, mut bytes) = (Vec::new(), 0, FRAME);
    for (index, entry) in entries.iter().enumerate() {
        // JSON may need six bytes to escape one byte; two quotes and a comma are added.
        let escaped = serde_json::to_string(entry).map_or(6 * entry.len() + 2, |text| text.len());
        if index - from == MOST_ENTRIES || (index > from && bytes + escaped + 1 > MOST_BYTES) {
            parts.push(&entries[from..index]);
            (from, bytes) = (index, FRAME);
        }
        bytes += escaped + 1;
    }
    if from < entries.len() {
        parts.push(&entries[from..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_holds_a_thousand_entries_and_half_a_megabyte_at_most() {
        let sizes = |entries: &[&str]| parts(entries).iter().map(|part| part.len()).collect();
        let none: Vec<usize> = sizes(&[]);
        assert_eq!(none, [0; 0]);
        let many: Vec<usize> = sizes(&["1"; 2_001]);
        assert_eq!(many, [1_000, 1_000, 1]);
        let (half, quoted) = ("x".repeat(255_000), "\"".repeat(127_500));
        let wide: Vec<usize> = sizes(&[&half, &half, &half]);
        assert_eq!(wide, [2, 1], "or the third would be too much");
        let escaped: Vec<usize> = sizes(&[&quoted, &quoted, &quoted]);
        assert_eq!(escaped, [2, 1], "each quote takes two bytes");
    }
}
