//! Lines of the log that go to standard output in one write: a write costs as much as the line.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most bytes that are kept.
const MOST: usize = 64 << 10;

static KEPT: Mutex<Option<BufWriter<Stdout>>> = Mutex::new(None);

fn kept() -> MutexGuard<'static, Option<BufWriter<Stdout>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When this is dropped the lines of the log are written that were told since it was made.
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

/// Standard output, or what is kept for it.
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
