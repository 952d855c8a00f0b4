//! Collects log lines and writes them to standard output together. One write costs as much as
//! formatting a line.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most bytes that are collected.
const MOST: usize = 64 << 10;

static KEPT: Mutex<Option<BufWriter<Stdout>>> = Mutex::new(None);

fn kept() -> MutexGuard<'static, Option<BufWriter<Stdout>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While this value lives, log lines are collected. Dropping it writes them.
#[must_use]
pub struct Together(());

impl Together {
    pub(super) fn begin() -> Together {
        *kept() = Some(BufWriter::with_capacity(MOST, io::stdout()));
        Together(())
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        drop(kept().take());
    }
}

/// A writer to standard output, or to the lines that are collected.
pub(super) struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut *kept() {
            Some(kept) => kept.write(line),
            None => io::stdout().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
