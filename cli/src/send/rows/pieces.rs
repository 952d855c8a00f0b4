//! Cuts the text of a file into rows, piece by piece: no more of the file is in memory than a piece
//! and the row in which it ends.
//!
//! Each format has its own reader: [`Csv`], [`Ndjson`] and [`Json`]. A row that a piece cuts is
//! read again from a longer piece. What a row means is not decided here: `File::csv_row` and
//! `File::json_row` do.

mod csv_rows;
mod json_array;
mod json_lines;

pub(super) use csv_rows::Csv;
pub(super) use json_array::Json;
pub(super) use json_lines::Ndjson;

use super::{File, ParsedRow, RowFault};
use crate::send::text::Text;

/// The fewest bytes of a piece that is not the last.
const LEAST: usize = 1 << 16;
/// The most bytes of a row.
const LONGEST: usize = 16 << 20;

/// A part of a file's text, of which a reader has read the beginning.
pub(super) struct Piece<'a> {
    text: Text<'a>,
    held: String,
    /// How many bytes of `held` were read.
    at: usize,
    /// Whether the file ends with this piece.
    pub(super) is_last: bool,
}

impl<'a> Piece<'a> {
    /// The first piece of a file.
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

    /// The text that was not read yet.
    pub(super) fn rest(&self) -> &str {
        &self.held[self.at..]
    }

    /// Drops what was read, and makes the rest at least twice as long, unless the file ends before.
    fn more(&mut self) -> Result<(), String> {
        self.held.drain(..self.at);
        self.at = 0;
        let enough = (2 * self.held.len()).max(LEAST);
        while !self.is_last && self.held.len() < enough {
            self.is_last = !self.text.more(&mut self.held)?;
        }
        Ok(())
    }

    /// Whether a row that does not end in this piece may end in a longer one.
    fn may_grow(&self) -> bool {
        !self.is_last && self.rest().len() < LONGEST
    }
}

/// The next item of a reader. The outer error is a fault of the whole file.
type Next = Option<Result<Result<ParsedRow, RowFault>, String>>;

/// The fault of a row that is too long.
const SHORTER: &str = "expected a row of at most 16 MiB";

fn too_long(place: String) -> RowFault {
    let what = format!("{SHORTER}; nothing after it was read");
    RowFault { place, what }
}
