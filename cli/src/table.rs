//! Tables, numbers and times as a person reads them.

use comfy_table::{CellAlignment, Table, presets};
use jiff::{SignedDuration, Timestamp};

/// An empty table. Its first column is aligned to the left and all others, which hold numbers, to
/// the right.
pub(crate) fn table(header: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_header(header.into_iter().collect::<Vec<_>>());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The table with all its columns aligned to the left, for columns that hold texts.
pub(crate) fn left(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Left);
    }
    table.to_string()
}

/// A number with the noun that it counts, such as `1 row` or `2,000 rows`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", number(count))
}

/// The verb after `count` things: `is` or `are`.
pub(crate) fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// The number with a comma between thousands.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The time from `then` to `now` in the largest unit that fits, such as `4 min`.
pub(crate) fn span(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).max(SignedDuration::ZERO).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_all_others_are_plural() {
        let all = [0, 1, 2, 1_000, 1_234_567].map(|number| counted(number, "row"));
        assert_eq!(
            all,
            ["0 rows", "1 row", "2 rows", "1,000 rows", "1,234,567 rows"]
        );
        assert_eq!([0, 1, 2].map(are), ["are", "is", "are"]);
    }
}
