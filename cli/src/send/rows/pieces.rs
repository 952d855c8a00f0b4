//! A file's rows, read piece by piece: no more of it is in memory than a piece and the row that it ends
//! in.

use serde_json::value::RawValue;

use super::mapping::{Layout, Meaning};
use super::{File, Found, RowFault};
use crate::send::csv;
use crate::send::text::Text;

/// A piece has so many bytes at least, where the file has.
const LEAST: usize = 1 << 16;
/// No row is longer.
const LONGEST: usize = 16 << 20;
const NO_ARRAY: &str = "expected a JSON array of objects";

/// A part of a file's text.
pub(super) struct Piece<'a> {
    text: Text<'a>,
    held: String,
    at: usize,
    /// The file ends with it.
    pub(super) is_last: bool,
}

impl<'a> Piece<'a> {
    /// The first of a file.
    pub(super) fn first(file: &'a File) -> Result<Piece<'a>, String> {
        let mut piece = Piece {
            text: Text::open(&file.source, file.encoding)?,
            held: String::new(),
            at: 0,
            is_last: false,
        };
        piece.more()?;
        Ok(piece)
    }

    pub(super) fn rest(&self) -> &str {
        &self.held[self.at..]
    }

    /// Reads on, by as much again as is there.
    fn more(&mut self) -> Result<(), String> {
        self.held.drain(..self.at);
        self.at = 0;
        let enough = (2 * self.held.len()).max(LEAST);
        while !self.is_last && self.held.len() < enough {
            self.is_last = !self.text.more(&mut self.held)?;
        }
        Ok(())
    }

    /// Whether what does not end in this piece may end in a longer one.
    fn may_grow(&self) -> bool {
        !self.is_last && self.rest().len() < LONGEST
    }
}

/// A row, what is wrong with it, or what is wrong with the file.
type Next = Option<Result<Result<Found, RowFault>, String>>;

/// What a row that is longer should be.
const SHORTER: &str = "expected a row of at most 16 MiB";

fn too_long(place: String) -> RowFault {
    let what = format!("{SHORTER}. What follows is not read");
    RowFault { place, what }
}

/// The rows of a CSV.
pub(super) struct Csv<'a> {
    file: &'a File,
    piece: Piece<'a>,
    delimiter: char,
    line: usize,
    header: Vec<String>,
    meanings: Vec<Option<Meaning>>,
    is_over: bool,
}

impl<'a> Csv<'a> {
    /// Behind the names of the columns.
    pub(super) fn new(file: &'a File) -> Result<Csv<'a>, String> {
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

    /// The next row, as `own` makes it one's own.
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
            // What ends where the piece does may go on behind it.
            if (left == 0 || matches!(row, Some(Err(_)))) && self.piece.may_grow() {
                self.piece.more()?;
                continue;
            }
            let row = row.map(|row| match row {
                // It goes on behind what is held.
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
    type Item = Result<Result<Found, RowFault>, String>;

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
                return Ok(Found::Blank);
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
                what: format!("{}. What follows is not read", fault.what),
            })
        })))
    }
}

/// The rows of JSON lines.
pub(super) struct Ndjson<'a> {
    file: &'a File,
    piece: Piece<'a>,
    line: usize,
    is_over: bool,
}

impl<'a> Ndjson<'a> {
    pub(super) fn new(file: &'a File) -> Result<Ndjson<'a>, String> {
        Ok(Ndjson {
            file,
            piece: Piece::first(file)?,
            line: 0,
            is_over: false,
        })
    }

    fn row(&mut self) -> Result<Option<Result<Found, RowFault>>, String> {
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
                Ok(Found::Blank)
            } else {
                self.file.json_row(place, line)
            };
            self.piece.at += length;
            return Ok(Some(row));
        }
    }
}

impl Iterator for Ndjson<'_> {
    type Item = Result<Result<Found, RowFault>, String>;

    fn next(&mut self) -> Next {
        if self.is_over {
            return None;
        }
        let row = self.row();
        self.is_over |= !matches!(row, Ok(Some(_)));
        row.transpose()
    }
}

/// The elements of a JSON array.
pub(super) struct Json<'a> {
    file: &'a File,
    piece: Piece<'a>,
    elements: usize,
    /// Line ends until now.
    lines: usize,
    is_over: bool,
}

impl<'a> Json<'a> {
    pub(super) fn new(file: &'a File) -> Result<Json<'a>, String> {
        let mut json = Json {
            file,
            piece: Piece::first(file)?,
            elements: 0,
            lines: 0,
            is_over: false,
        };
        if json.after_space()? != Some('[') {
            return Err(json.wrong(1));
        }
        json.pass(1);
        Ok(json)
    }

    fn wrong(&self, line: usize) -> String {
        format!("line {}: {NO_ARRAY}", self.lines + line)
    }

    fn pass(&mut self, length: usize) {
        let passed = &self.piece.rest().as_bytes()[..length];
        self.lines += passed.iter().filter(|byte| **byte == b'\n').count();
        self.piece.at += length;
    }

    /// The next character that is no white space; it is not passed.
    fn after_space(&mut self) -> Result<Option<char>, String> {
        loop {
            let rest = self.piece.rest();
            let length = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.pass(length);
            match self.piece.rest().chars().next() {
                None if !self.piece.is_last => self.piece.more()?,
                found => return Ok(found),
            }
        }
    }

    fn row(&mut self) -> Result<Option<Result<Found, RowFault>>, String> {
        match (self.after_space()?, self.elements) {
            (Some(']'), _) => {
                self.pass(1);
                return match self.after_space()? {
                    None => Ok(None),
                    Some(_) => Err(self.wrong(1)),
                };
            }
            (Some(','), 1..) => self.pass(1),
            (Some(_), 0) => {}
            _ => return Err(self.wrong(1)),
        }
        self.after_space()?;
        loop {
            let rest = self.piece.rest();
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            let value = values.next();
            let length = values.byte_offset();
            // What ends where the piece does may go on behind it.
            let is_cut = match &value {
                Some(Ok(_)) => length == rest.len(),
                Some(Err(error)) => error.is_eof(),
                None => true,
            };
            if is_cut && self.piece.may_grow() {
                self.piece.more()?;
                continue;
            }
            let place = format!("element {}", self.elements + 1);
            let row = match value {
                Some(Ok(value)) if length <= LONGEST => self.file.json_row(place, value.get()),
                Some(Err(error)) if !error.is_eof() || self.piece.is_last => {
                    return Err(self.wrong(error.line()));
                }
                None if self.piece.is_last => return Err(self.wrong(1)),
                _ => {
                    self.is_over = true;
                    return Ok(Some(Err(too_long(place))));
                }
            };
            self.elements += 1;
            self.pass(length);
            return Ok(Some(row));
        }
    }
}

impl Iterator for Json<'_> {
    type Item = Result<Result<Found, RowFault>, String>;

    fn next(&mut self) -> Next {
        if self.is_over {
            return None;
        }
        let row = self.row();
        self.is_over |= !matches!(row, Ok(Some(_)));
        row.transpose()
    }
}
