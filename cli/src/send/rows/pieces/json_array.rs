//! Reads a JSON array from the pieces of a file's text: each element is a row.
//!
//! Only the array itself is read here. What an element means is decided by `File::json_row`.

use serde_json::value::RawValue;

use super::{LONGEST, Next, Piece, too_long};
use crate::send::rows::{File, ParsedRow, RowFault};

const NO_ARRAY: &str = "expected a JSON array of objects";

/// Reads the elements of a JSON array.
pub(in super::super) struct Json<'a> {
    file: &'a File,
    piece: Piece<'a>,
    /// How many elements were read.
    elements: usize,
    /// How many line ends were read.
    lines: usize,
    is_over: bool,
}

impl<'a> Json<'a> {
    pub(in super::super) fn new(file: &'a File) -> Result<Json<'a>, String> {
        let mut json = Json {
            file,
            piece: Piece::first(file)?,
            elements: 0,
            lines: 0,
            is_over: false,
        };
        match json.after_space()? {
            Some('[') => {}
            Some('{') => {
                let hint = "for one object a line pass --format ndjson";
                return Err(format!("{}; {hint}", json.wrong(1)));
            }
            _ => return Err(json.wrong(1)),
        }
        json.pass(1);
        Ok(json)
    }

    /// The fault of the whole file, in the line `line` of what is not read yet.
    fn wrong(&self, line: usize) -> String {
        format!("line {}: {NO_ARRAY}", self.lines + line)
    }

    /// Marks this many bytes as read.
    fn pass(&mut self, length: usize) {
        let passed = &self.piece.rest().as_bytes()[..length];
        self.lines += passed.iter().filter(|byte| **byte == b'\n').count();
        self.piece.at += length;
    }

    /// Skips white space. Returns the next character, which stays to be read.
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

    fn row(&mut self) -> Result<Option<Result<ParsedRow, RowFault>>, String> {
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
            // An element that ends with the piece may continue in the next one.
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
