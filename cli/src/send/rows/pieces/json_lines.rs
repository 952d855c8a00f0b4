//! Reads JSON lines from the pieces of a file's text: each line is a row.

use super::{LONGEST, Next, Piece, too_long};
use crate::send::rows::{File, ParsedRow, RowFault};

/// Reads the rows of JSON lines.
pub(in super::super) struct Ndjson<'a> {
    file: &'a File,
    piece: Piece<'a>,
    line: usize,
    is_over: bool,
}

impl<'a> Ndjson<'a> {
    pub(in super::super) fn new(file: &'a File) -> Result<Ndjson<'a>, String> {
        Ok(Ndjson {
            file,
            piece: Piece::first(file)?,
            line: 0,
            is_over: false,
        })
    }

    fn row(&mut self) -> Result<Option<Result<ParsedRow, RowFault>>, String> {
        loop {
            let rest = self.piece.rest();
            let (line, length) = match rest.find('\n') {
                Some(end) => {
                    let line = &rest[..end];
                    (line.strip_suffix('\r').unwrap_or(line), end + 1)
                }
                None if self.piece.may_grow() => {
                    self.piece.more()?;
                    continue;
                }
                None if rest.is_empty() => return Ok(None),
                None => (rest, rest.len()),
            };
            self.line += 1;
            let place = format!("line {}", self.line);
            let row = if length > LONGEST {
                self.is_over = true;
                Err(too_long(place))
            } else if line.trim().is_empty() {
                Ok(ParsedRow::Blank)
            } else {
                self.file.json_row(place, line)
            };
            self.piece.at += length;
            return Ok(Some(row));
        }
    }
}

impl Iterator for Ndjson<'_> {
    type Item = Result<Result<ParsedRow, RowFault>, String>;

    fn next(&mut self) -> Next {
        if self.is_over {
            return None;
        }
        let row = self.row();
        self.is_over |= !matches!(row, Ok(Some(_)));
        row.transpose()
    }
}
