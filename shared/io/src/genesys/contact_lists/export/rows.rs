//! Reads the rows of an export as their bytes arrive. It unpacks gzip, parses the CSV, checks each
//! row, and stores it in an unnamed temporary file with an index in memory.
//!
//! The file grows with the bytes of the list, and the index in memory only with the number of
//! contacts. `download` hands in the bytes, `layout` says which cells are stored, and the result is
//! a `Snapshot`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};

use csv_core::{ReadRecordResult, Reader};
use flate2::write::MultiGzDecoder;

use super::NoExport;
use super::layout::{Layout, flag};
use super::snapshot::{Entry, Snapshot, hash};

/// Limits beyond those of any list, row or contact (docs/genesys-cloud.md "Limits").
const MOST_ROWS: usize = 5_000_000;
const LONGEST_ROW: usize = 1 << 20;
const MOST_CELLS: usize = 2_048;
/// How many bytes are unpacked at once. Even a malicious file expands them at most a thousandfold
/// or so.
const AT_ONCE: usize = 4_096;
const BYTE_ORDER_MARK: char = '\u{feff}';
const GZIP: [u8; 2] = [0x1f, 0x8b];

pub(super) struct Rows<'a> {
    columns: &'a BTreeSet<String>,
    numbers: Option<&'a BTreeSet<String>>,
    /// The first bytes, until it is known whether the file is packed.
    first: Vec<u8>,
    packed: Option<MultiGzDecoder<Vec<u8>>>,
    is_begun: bool,
    reader: Reader,
    cells: Vec<u8>,
    filled: usize,
    ends: Vec<usize>,
    ended: usize,
    layout: Option<Layout>,
    index: Vec<Entry>,
    file: BufWriter<File>,
    at: u64,
    row: Vec<u8>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        columns: &'a BTreeSet<String>,
        numbers: Option<&'a BTreeSet<String>>,
    ) -> Result<Rows<'a>, NoExport> {
        Ok(Rows {
            columns,
            numbers,
            first: Vec::new(),
            packed: None,
            is_begun: false,
            reader: Reader::new(),
            cells: vec![0; 4_096],
            filled: 0,
            ends: vec![0; 64],
            ended: 0,
            layout: None,
            index: Vec::new(),
            file: BufWriter::with_capacity(1 << 16, tempfile::tempfile().map_err(no_room)?),
            at: 0,
            row: Vec::new(),
        })
    }

    /// Takes some more bytes of the file.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), NoExport> {
        if self.is_begun {
            return self.unpack(piece);
        }
        self.first.extend_from_slice(piece);
        // A byte order mark has three bytes, and it is looked for in one piece.
        if self.first.len() < 3 {
            return Ok(());
        }
        self.begin()
    }

    fn begin(&mut self) -> Result<(), NoExport> {
        self.is_begun = true;
        if self.first.starts_with(&GZIP) {
            self.packed = Some(MultiGzDecoder::new(Vec::new()));
        }
        let first = std::mem::take(&mut self.first);
        self.unpack(&first)
    }

    fn unpack(&mut self, piece: &[u8]) -> Result<(), NoExport> {
        if self.packed.is_none() {
            return self.parse(piece);
        }
        for some in piece.chunks(AT_ONCE) {
            let Some(packed) = &mut self.packed else {
                continue;
            };
            packed.write_all(some).map_err(|_| not_packed())?;
            packed.flush().map_err(|_| not_packed())?;
            let plain = std::mem::take(packed.get_mut());
            self.parse(&plain)?;
        }
        Ok(())
    }

    fn parse(&mut self, mut bytes: &[u8]) -> Result<(), NoExport> {
        // The reader takes an empty piece for the end of the file.
        while !bytes.is_empty() {
            let read = self.step(bytes)?;
            bytes = &bytes[read..];
        }
        Ok(())
    }

    /// Takes one step of the reader, which may end a row. Returns how many bytes it took.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, NoExport> {
        let (cells, ends) = (&mut self.cells[self.filled..], &mut self.ends[self.ended..]);
        let (result, read, wrote, ended) = self.reader.read_record(bytes, cells, ends);
        self.filled += wrote;
        self.ended += ended;
        match result {
            ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            ReadRecordResult::OutputFull if self.cells.len() < LONGEST_ROW => {
                self.cells.resize(self.cells.len() * 2, 0);
            }
            ReadRecordResult::OutputEndsFull if self.ends.len() < MOST_CELLS => {
                self.ends.resize(self.ends.len() * 2, 0);
            }
            ReadRecordResult::Record => {
                self.record()?;
                (self.filled, self.ended) = (0, 0);
            }
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                return Err(self.broken("is longer than any contact"));
            }
        }
        Ok(read)
    }

    fn broken(&self, what: &str) -> NoExport {
        let row = self.index.len() + usize::from(self.layout.is_some()) + 1;
        NoExport::Malformed(format!("row {row} {what}"))
    }

    /// Stores a row that is complete. The first row is the header.
    fn record(&mut self) -> Result<(), NoExport> {
        let text = std::str::from_utf8(&self.cells[..self.filled]);
        let text = text.map_err(|_| self.broken("is no UTF-8"))?;
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let cells: Option<Vec<&str>> = starts
            .zip(&self.ends[..self.ended])
            .map(|(start, end)| text.get(start..*end))
            .collect();
        let cells = cells.ok_or_else(|| self.broken("is no UTF-8"))?;
        let Some(layout) = &self.layout else {
            let mut header = cells;
            if let Some(first) = header.first_mut() {
                *first = first.trim_start_matches(BYTE_ORDER_MARK);
            }
            self.layout = Some(Layout::of(&header, self.columns, self.numbers)?);
            return Ok(());
        };
        if cells.len() != layout.cells {
            let what = format!("has {} cells: expected {}", cells.len(), layout.cells);
            return Err(self.broken(&what));
        }
        let id = cells[layout.id];
        if id.is_empty() {
            return Err(self.broken("has no id"));
        }
        if self.index.len() == MOST_ROWS {
            return Err(self.broken("is more than any list holds"));
        }
        self.row.clear();
        self.row.extend_from_slice(&[0; 4]);
        for (n, cell) in layout.kept().enumerate() {
            let cell = cells[cell];
            let is_flag = (1..=layout.flags()).contains(&n);
            if is_flag && flag(cell).is_none() {
                return Err(self.broken("has a flag that is neither true nor false"));
            }
            let Ok(length) = u16::try_from(cell.len()) else {
                return Err(self.broken("is longer than any contact"));
            };
            self.row.extend_from_slice(&length.to_le_bytes());
            self.row.extend_from_slice(cell.as_bytes());
        }
        let length = u32::try_from(self.row.len() - 4).unwrap_or(u32::MAX);
        self.row[..4].copy_from_slice(&length.to_le_bytes());
        self.index.push(Entry {
            hash: hash(id),
            at: self.at,
        });
        self.file.write_all(&self.row).map_err(no_room)?;
        self.at += self.row.len() as u64;
        Ok(())
    }

    /// Ends the reading after the last byte.
    pub(super) fn end(mut self, version_field: Option<&str>) -> Result<Snapshot, NoExport> {
        if !self.is_begun {
            self.begin()?;
        }
        if let Some(packed) = &mut self.packed {
            packed.try_finish().map_err(|_| not_packed())?;
            let plain = std::mem::take(packed.get_mut());
            self.parse(&plain)?;
        }
        // The last row may have no line end.
        self.step(&[])?;
        let Some(layout) = self.layout else {
            return Err(NoExport::Malformed("it is empty".to_owned()));
        };
        let file = self
            .file
            .into_inner()
            .map_err(|error| no_room(error.into_error()))?;
        let untold = layout.untold(self.numbers);
        Ok(Snapshot::new(
            file,
            self.index,
            layout,
            version_field,
            untold,
        ))
    }
}

fn not_packed() -> NoExport {
    NoExport::Malformed("it is cut short, or it is not gzip".to_owned())
}

fn no_room(error: io::Error) -> NoExport {
    let kind = error.kind();
    let what = match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "there is no room for it in the directory for temporary files: raise the function's EphemeralStorage \
             (parameter ReconcileStorageMb)"
                .to_owned()
        }
        kind => format!("its temporary file: {kind}"),
    };
    NoExport::Malformed(what)
}

#[cfg(test)]
mod tests;
