//! Reads the rows of a CSV from the pieces of its text.
//!
//! The values themselves are read by `send/csv.rs`, and the meaning of a column comes from
//! [`mapping`](crate::send::rows::mapping).

use super::{Next, Piece, SHORTER};
use crate::send::csv;
use crate::send::rows::mapping::{Layout, Meaning};
use crate::send::rows::{File, ParsedRow, RowFault};

/// Reads the rows of a CSV.
pub(in super::super) struct Csv<'a> {
    file: &'a File,
    piece: Piece<'a>,
    delimiter: char,
    line: usize,
    header: Vec<String>,
    meanings: Vec<Option<Meaning>>,
    is_over: bool,
}

impl<'a> Csv<'a> {
    /// Reads the names of the columns. The first row is the one behind them.
    pub(in super::super) fn new(file: &'a File) -> Result<Csv<'a>, String> {
        let mut piece = Piece::first(file)?;
        let Layout {
            delimiter,
            text,
            line,
        } = file.mapping.layout(piece.rest());
        piece.at = piece.held.len() - text.len();
        let mut csv = Csv {
            file,
            piece,
            delimiter,
            line,
            header: Vec::new(),
            meanings: Vec::new(),
            is_over: false,
        };
        let own = |row: &csv::Row<'_>| {
            let values = row.values.iter();
            values.map(|value| value.to_string()).collect::<Vec<_>>()
        };
        let header = csv.read(|row| own(&row))?;
        let header = header
            .transpose()
            .map_err(|fault| format!("line {}: {}", fault.line, fault.what))?;
        let header = header.filter(|header| header.iter().any(|name| !name.is_empty()));
        csv.header = header.ok_or("line 1: expected the names of the columns")?;
        csv.meanings = file.mapping.meanings(&csv.header)?;
        Ok(csv)
    }

    /// The names of the columns that are not sent although no flag says so.
    pub(in super::super) fn not_sent(&self) -> Vec<String> {
        let columns = self.header.iter().zip(&self.meanings);
        let unsaid = columns.filter(|(name, meaning)| {
            meaning.is_none() && !name.is_empty() && !self.file.mapping.ignores(name)
        });
        unsaid.map(|(name, _)| name.clone()).collect()
    }

    /// Reads the next row. `own` makes a value of it that does not borrow from the piece.
    fn read<T>(
        &mut self,
        own: impl Fn(csv::Row<'_>) -> T,
    ) -> Result<Option<Result<T, csv::Malformed>>, String> {
        loop {
            let rest = self.piece.rest();
            let has_quotes = self.file.mapping.has_quotes();
            let mut reader = csv::Reader::new(rest, self.line, self.delimiter, has_quotes);
            let row = reader.next();
            let (left, line) = reader.left();
            // A row that ends with the piece may continue in the next one.
            if (left == 0 || matches!(row, Some(Err(_)))) && self.piece.may_grow() {
                self.piece.more()?;
                continue;
            }
            let row = row.map(|row| match row {
                // The row continues behind the longest piece.
                Ok(row) if left == 0 && !self.piece.is_last => Err(csv::Malformed {
                    line: row.line,
                    what: SHORTER,
                }),
                row => row.map(&own),
            });
            (self.piece.at, self.line) = (self.piece.held.len() - left, line);
            return Ok(row);
        }
    }
}

impl Iterator for Csv<'_> {
    type Item = Result<Result<ParsedRow, RowFault>, String>;

    fn next(&mut self) -> Next {
        if self.is_over {
            return None;
        }
        let (file, header, meanings) = (
            self.file,
            std::mem::take(&mut self.header),
            std::mem::take(&mut self.meanings),
        );
        let row = self.read(|row| {
            if row.values.iter().all(|value| value.is_empty()) {
                return Ok(ParsedRow::Blank);
            }
            file.csv_row(
                format!("line {}", row.line),
                &header,
                &meanings,
                &row.values,
            )
        });
        (self.header, self.meanings) = (header, meanings);
        self.is_over = !matches!(row, Ok(Some(Ok(_))));
        let row = match row.transpose()? {
            Ok(row) => row,
            Err(why) => return Some(Err(why)),
        };
        Some(Ok(row.unwrap_or_else(|fault| {
            Err(RowFault {
                place: format!("line {}", fault.line),
                what: format!("{}; nothing after it was read", fault.what),
            })
        })))
    }
}
