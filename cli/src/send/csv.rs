//! Reads CSV strictly (RFC 4180): a lenient reader guesses what a damaged file means, and may lose
//! rows, and opt-outs with them.
//!
//! A quote may occur at both ends of a value, and doubled within it: `"6"" tall"` is `6" tall`. A
//! quote anywhere else is an error, which names the line at which the value begins, and ends the
//! reading. So a file with one quote too few or too many is always found: it has an odd number of
//! quotes.
//!
//! The meaning of the values is not decided here: `rows/mapping.rs` does.

use std::borrow::Cow;

/// The values of one row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// The line at which the row begins, counted from 1.
    pub(super) line: usize,
    pub(super) values: Vec<Cow<'a, str>>,
}

/// A value that is no CSV.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// The line at which the value begins, counted from 1.
    pub(super) line: usize,
    /// The message that says what was expected.
    pub(super) what: &'static str,
}

/// The rows of a text. An empty line is a row with one empty value. A [`Malformed`] is the last
/// item: nobody knows where the row behind it begins.
pub(super) struct Reader<'a> {
    rest: &'a str,
    delimiter: char,
    has_quotes: bool,
    line: usize,
}

impl<'a> Reader<'a> {
    /// `line` is the line of the text's first character. Without `has_quotes` a quote is a
    /// character like any other.
    pub(super) fn new(text: &'a str, line: usize, delimiter: char, has_quotes: bool) -> Reader<'a> {
        Reader {
            rest: text,
            delimiter,
            has_quotes,
            line,
        }
    }

    /// How many bytes are not read yet, and the line at which they begin.
    pub(super) fn left(&self) -> (usize, usize) {
        (self.rest.len(), self.line)
    }

    fn row(&mut self) -> Result<Row<'a>, Malformed> {
        let line = self.line;
        let mut values = Vec::new();
        loop {
            values.push(if self.has_quotes && self.rest.starts_with('"') {
                self.quoted()?
            } else {
                self.plain()?
            });
            match self.rest.strip_prefix(self.delimiter) {
                Some(rest) => self.rest = rest,
                None => break,
            }
        }
        self.end_line();
        Ok(Row { line, values })
    }

    fn plain(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let ends = ['\r', '\n', self.delimiter];
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        if self.has_quotes && value.contains('"') {
            let what = "a value with a quote in it: expected quotes around all of it, and each quote \
                        in it doubled; or pass --no-quotes if quotes mean nothing in this file";
            return Err(self.malformed(what));
        }
        self.rest = rest;
        Ok(value.into())
    }

    /// Reads a value that begins with a quote.
    fn quoted(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let inner = &self.rest[1..];
        let mut end = 0;
        loop {
            let Some(quote) = inner[end..].find('"') else {
                return Err(self.malformed("a quoted value begins here and never ends"));
            };
            end += quote;
            if !inner[end + 1..].starts_with('"') {
                break;
            }
            end += 2;
        }
        let (value, rest) = (&inner[..end], &inner[end + 1..]);
        let ends = ['\r', '\n', self.delimiter];
        if !(rest.is_empty() || rest.starts_with(ends)) {
            let what = "a quoted value with text behind its closing quote: expected each quote in it \
                        doubled";
            return Err(self.malformed(what));
        }
        self.rest = rest;
        self.line += line_ends(value);
        Ok(if value.contains('"') {
            value.replace("\"\"", "\"").into()
        } else {
            value.into()
        })
    }

    fn malformed(&self, what: &'static str) -> Malformed {
        Malformed {
            line: self.line,
            what,
        }
    }

    fn end_line(&mut self) {
        for end in ["\r\n", "\n", "\r"] {
            if let Some(rest) = self.rest.strip_prefix(end) {
                self.rest = rest;
                self.line += 1;
                return;
            }
        }
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Row<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let row = self.row();
        if row.is_err() {
            self.rest = "";
        }
        Some(row)
    }
}

/// How many line ends the text has: LF, CR LF, or CR.
pub(super) fn line_ends(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_end = |(place, byte): (usize, &u8)| match byte {
        b'\r' => bytes.get(place + 1) != Some(&b'\n'),
        byte => *byte == b'\n',
    };
    bytes.iter().enumerate().filter(|end| is_end(*end)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The line of a row and its values; or the line of a malformed value, and what was expected.
    type Read = Result<(usize, Vec<String>), (usize, &'static str)>;

    fn read(text: &str) -> Vec<Read> {
        let own = |row: Row<'_>| {
            let values = row.values.into_iter().map(Cow::into_owned);
            (row.line, values.collect())
        };
        Reader::new(text, 1, ',', true)
            .map(|row| row.map(own).map_err(|fault| (fault.line, fault.what)))
            .collect()
    }

    fn rows(expected: &[(usize, &[&str])]) -> Vec<Read> {
        let own = |values: &&[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        expected
            .iter()
            .map(|(line, values)| Ok((*line, own(values))))
            .collect()
    }

    #[test]
    fn values_are_read_as_they_were_written_and_rows_by_the_line_at_which_they_begin() {
        for (text, expected) in [
            ("", rows(&[])),
            ("a", rows(&[(1, &["a"])])),
            ("a,b\n", rows(&[(1, &["a", "b"])])),
            ("a,\r\n,b\r\n", rows(&[(1, &["a", ""]), (2, &["", "b"])])),
            ("a\rb\r", rows(&[(1, &["a"]), (2, &["b"])])),
            ("\n\na\n", rows(&[(1, &[""]), (2, &[""]), (3, &["a"])])),
            (
                "\"a,\"\"b\"\"\",\"\"\n\"two\r\nlines\rand one\n\",c\nd\n",
                rows(&[
                    (1, &["a,\"b\"", ""]),
                    (2, &["two\r\nlines\rand one\n", "c"]),
                    (6, &["d"]),
                ]),
            ),
            ("Zoë,\"ünï\"", rows(&[(1, &["Zoë", "ünï"])])),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_damaged_value_is_reported_by_its_first_line_and_ends_the_reading() {
        for (text, line, what) in [
            (
                "a\nb,\"c\nd\ne\n",
                2,
                "a quoted value begins here and never ends",
            ),
            ("a\n\"", 2, "a quoted value begins here and never ends"),
            (
                "a\n\"two\nlines\",\"b\"c\nd\n",
                3,
                "text behind its closing quote",
            ),
            ("a\n\"b\" ,c\n", 2, "text behind its closing quote"),
            ("a\nb,6\" tall\nd\n", 2, "a value with a quote in it"),
            ("a\n \"b\"\nd\n", 2, "a value with a quote in it"),
            ("a\nb,moved\"\nd\n", 2, "a value with a quote in it"),
        ] {
            let read = read(text);
            let (fault, before) = read.split_last().unwrap();
            let (at, told) = fault.as_ref().unwrap_err();
            assert_eq!(*at, line, "{text:?}");
            assert!(told.contains(what), "{text:?}: {told}");
            assert!(before.iter().all(Result::is_ok), "{text:?}");
        }
    }

    #[test]
    fn without_quoting_a_quote_is_an_ordinary_character() {
        let reader = Reader::new("a\t6\" tall\n\"b\tc\"\n", 1, '\t', false);
        let rows: Vec<Vec<_>> = reader.map(|row| row.unwrap().values).collect();
        assert_eq!(rows, [["a", "6\" tall"], ["\"b", "c\""]]);
    }

    fn written(rows: &[Vec<String>], style: csv::QuoteStyle) -> String {
        let mut writer = csv::WriterBuilder::new()
            .quote_style(style)
            .flexible(true)
            .from_writer(Vec::new());
        for row in rows {
            writer.write_record(row).unwrap();
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    fn values() -> impl Strategy<Value = Vec<Vec<String>>> {
        prop::collection::vec(prop::collection::vec("[ab,\"\r\n é]{0,6}", 1..4), 1..5)
    }

    proptest! {
        #[test]
        fn rows_that_a_writer_wrote_are_read_back(rows in values(), always: bool) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let read: Vec<_> = read(&written(&rows, style)).into_iter().map(|row| row.unwrap().1).collect();
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn one_quote_too_few_or_too_many_is_always_an_error(rows in values(), always: bool, place: prop::sample::Index, adds: bool) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut text = written(&rows, style);
            if adds {
                let places: Vec<_> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
                text.insert(*place.get(&places), '"');
            } else {
                let quotes: Vec<_> = text.match_indices('"').map(|(at, _)| at).collect();
                prop_assume!(!quotes.is_empty());
                text.remove(*place.get(&quotes));
            }
            prop_assert!(read(&text).iter().any(Result::is_err), "{:?}", text);
        }
    }
}
