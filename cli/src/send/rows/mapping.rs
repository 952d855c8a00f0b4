//! The flags that say how a file is laid out and what its columns mean.
//!
//! [`Mapping`] holds the flags and finds the delimiter of a CSV. [`meaning`] gives each column its
//! [`Meaning`], and refuses a file in which a column may say who may be called without a flag that
//! says so. [`names`] compares the names of columns. The values of a column are read in
//! [`flat`](super::flat).

mod meaning;
mod names;

use crate::send::csv;
pub(super) use meaning::{Meaning, Member};
use names::sep_line;
pub(super) use names::twice;

/// The meanings of the columns of a CSV, or of the members of a flat JSON object.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::send) struct Mapping {
    /// The column that holds the contact key [default: contactKey]
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// The column that holds the version [default: version, if the file has it]
    #[arg(long, value_name = "COLUMN")]
    version: Option<String>,
    /// The column that holds the time of the change [default: occurredAt, if the file has it]
    #[arg(long, value_name = "COLUMN")]
    occurred_at: Option<String>,
    /// The column that says whether the contact may be called: true or false, 1 or 0, yes or no. An
    /// empty value leaves the contact as it is [default: callable, if the file has it]
    #[arg(long, value_name = "COLUMN", conflicts_with = "not_callable")]
    callable: Option<String>,
    /// The column that says the opposite, such as "do not call": true, 1 or yes means that the
    /// contact may not be called. Every row must have a value
    #[arg(long, value_name = "COLUMN")]
    not_callable: Option<String>,
    /// The column that says upsert or remove. An empty value means upsert [default: operation, if
    /// the file has it]
    #[arg(long, value_name = "COLUMN")]
    operation: Option<String>,
    /// A column of the contact list, with its name in the file if that differs; may be given
    /// several times. Without --column, every column that has no other meaning is sent under its
    /// own name
    #[arg(long = "column", value_name = "NAME[=FILE_COLUMN]", value_parser = column)]
    columns: Vec<(String, String)>,
    /// A column of the file to leave out; may be given several times
    #[arg(long = "ignore", value_name = "COLUMN")]
    ignored: Vec<String>,
    /// Lets an empty value of a CSV clear its column. Without it, an empty value leaves the column
    /// as it is
    #[arg(long)]
    pub(super) clear_empty: bool,
    /// The character between the values of a CSV, such as ; or \t [default: what the file's first
    /// line has: a comma, a semicolon or a tab]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub(super) delimiter: Option<char>,
    /// Quotes have no meaning in this CSV: each value is taken literally
    #[arg(long)]
    no_quotes: bool,
}

fn column(text: &str) -> Result<(String, String), String> {
    let (name, file) = text.split_once('=').unwrap_or((text, text));
    let is_named = !name.is_empty() && !file.is_empty();
    is_named
        .then(|| (name.to_owned(), file.to_owned()))
        .ok_or_else(|| "expected NAME, or NAME=FILE_COLUMN".to_owned())
}

fn delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        _ if text == "\\t" => Ok('\t'),
        (Some(delimiter), None) if !['"', '\r', '\n'].contains(&delimiter) => Ok(delimiter),
        _ => Err("expected one character, such as ; or \\t".to_owned()),
    }
}

/// The delimiter as a person writes it.
pub(super) fn shown(delimiter: char) -> String {
    if delimiter == '\t' {
        "\\t".to_owned()
    } else {
        delimiter.to_string()
    }
}

/// The place of the names of a CSV's columns, and the delimiter of its values.
pub(super) struct Layout<'a> {
    pub(super) delimiter: char,
    /// The text from the names of the columns on.
    pub(super) text: &'a str,
    /// The line in which the names stand.
    pub(super) line: usize,
}

impl<'a> Layout<'a> {
    fn reader(&self, has_quotes: bool) -> csv::Reader<'a> {
        csv::Reader::new(self.text, self.line, self.delimiter, has_quotes)
    }
}

impl Mapping {
    /// Whether a flag says what a member means, so that the rows of JSON are flat objects.
    pub(super) fn is_given(&self) -> bool {
        let is_named = Member::ALL
            .into_iter()
            .any(|member| self.flag_of(member).is_some());
        is_named || !self.columns.is_empty()
    }

    pub(super) fn has_quotes(&self) -> bool {
        !self.no_quotes
    }

    /// The column that a flag names for a member of a change.
    pub(super) fn named(&self, of_change: &str) -> Option<&str> {
        let mut members = Member::ALL
            .into_iter()
            .filter(|member| member.of_change() == of_change);
        members.find_map(|member| self.flag_of(member))
    }

    fn flag_of(&self, member: Member) -> Option<&str> {
        let named = match member {
            Member::Key => &self.key,
            Member::Version => &self.version,
            Member::OccurredAt => &self.occurred_at,
            Member::Callable => &self.callable,
            Member::NotCallable => &self.not_callable,
            Member::Operation => &self.operation,
        };
        named.as_deref()
    }

    /// Finds the delimiter, and the names of the columns.
    ///
    /// A flag sets the delimiter. Without the flag, a first line `sep=;` does, which Excel writes
    /// and reads. Without both, it is the comma, semicolon or tab by which the first line names the
    /// key. If the line names the key by none of them, the one that finds the most columns wins.
    pub(super) fn layout<'a>(&self, text: &'a str) -> Layout<'a> {
        let layout = |delimiter, text, line| Layout {
            delimiter,
            text,
            line,
        };
        if let Some((said, rest)) = sep_line(text) {
            return layout(self.delimiter.unwrap_or(said), rest, 2);
        }
        if let Some(delimiter) = self.delimiter {
            return layout(delimiter, text, 1);
        }
        let key = self.key.as_deref().unwrap_or(Member::Key.of_change());
        let fit = |delimiter: &char| {
            let header = layout(*delimiter, text, 1).reader(self.has_quotes()).next();
            let names = header
                .and_then(Result::ok)
                .map(|header| header.values)
                .unwrap_or_default();
            (names.iter().any(|name| name == key), names.len())
        };
        // `max_by_key` returns the last of several that are equal.
        let delimiter = ['\t', ';', ','].into_iter().max_by_key(fit).unwrap_or(',');
        layout(delimiter, text, 1)
    }
}
