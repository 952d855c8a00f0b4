//! A file that is read several times and must be the same each time. It is never held whole in
//! memory.
//!
//! The first reading keeps a digest of each block; each later one compares the blocks with them. So
//! the rows that are sent are those that were checked. The text that the bytes hold is decoded in
//! [`text`](super::text).

use std::fmt;
use std::fs::File;
use std::io::{Cursor, Error, ErrorKind, Read, Result};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The size of a block, which is read and compared at once.
const BLOCK: usize = 1 << 20;

/// A file as it was when it was first read.
pub(super) struct Source {
    path: PathBuf,
    /// All bytes of an input that cannot be read again, such as a pipe.
    held: Option<Vec<u8>>,
    /// The SHA-256 of each block.
    digests: Vec<[u8; 32]>,
}

/// The file is not what it was when it was first read.
#[derive(Debug)]
pub(super) struct Changed;

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file changed after it was checked")
    }
}

impl std::error::Error for Changed {}

impl Source {
    /// Reads the file once, and adds its bytes to `hash`. `-` means standard input.
    pub(super) fn open(path: &Path, hash: &mut Sha256) -> Result<Source> {
        let (mut file, is_file): (Box<dyn Read>, bool) = if path == Path::new("-") {
            (Box::new(std::io::stdin()), false)
        } else {
            let file = File::open(path)?;
            let is_file = file.metadata()?.is_file();
            (Box::new(file), is_file)
        };
        let mut held = (!is_file).then(Vec::new);
        let (mut digests, mut block) = (Vec::new(), Vec::new());
        loop {
            block.clear();
            file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
            if block.is_empty() {
                break;
            }
            hash.update(&block);
            digests.push(Sha256::digest(&block).into());
            if let Some(held) = &mut held {
                held.extend_from_slice(&block);
            }
        }
        let path = path.to_owned();
        Ok(Source {
            path,
            held,
            digests,
        })
    }

    /// Reads the bytes again, from the first on. A block that differs is a [`Changed`] error, and
    /// none of its bytes are returned.
    pub(super) fn reader(&self) -> Result<Box<dyn Read + '_>> {
        Ok(match &self.held {
            Some(bytes) => Box::new(Cursor::new(bytes)),
            None => Box::new(Reader {
                file: File::open(&self.path)?,
                digests: self.digests.iter(),
                block: Cursor::default(),
            }),
        })
    }

    #[cfg(test)]
    pub(super) fn of(bytes: &[u8]) -> Source {
        Source {
            path: PathBuf::new(),
            held: Some(bytes.to_owned()),
            digests: Vec::new(),
        }
    }
}

struct Reader<'a> {
    file: File,
    digests: std::slice::Iter<'a, [u8; 32]>,
    block: Cursor<Vec<u8>>,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.block.position() == self.block.get_ref().len() as u64 {
            let mut block = std::mem::take(&mut self.block).into_inner();
            block.clear();
            (&mut self.file)
                .take(BLOCK as u64)
                .read_to_end(&mut block)?;
            let digest = (!block.is_empty()).then(|| <[u8; 32]>::from(Sha256::digest(&block)));
            if digest.as_ref() != self.digests.next() {
                return Err(Error::new(ErrorKind::InvalidData, Changed));
            }
            self.block = Cursor::new(block);
        }
        self.block.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that only this test uses, and that is removed at its end.
    struct Own(PathBuf);

    impl Drop for Own {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn own(name: &str, bytes: &[u8]) -> Own {
        let name = format!("campaign-sync-source-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Own(path)
    }

    fn read(source: &Source) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        source.reader()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_file_is_read_again_and_one_that_changed_meanwhile_is_refused() {
        let bytes: Vec<u8> = (0..3 * BLOCK + 7).map(|n| (n / 3) as u8).collect();
        let own = own("changed", &bytes);
        let mut hash = Sha256::new();
        let source = Source::open(&own.0, &mut hash).unwrap();
        assert_eq!(hash.finalize(), Sha256::digest(&bytes));
        assert!(read(&source).unwrap() == bytes && read(&source).unwrap() == bytes);
        let longer = [&bytes[..], b"x"].concat();
        let mut other = bytes.clone();
        other[BLOCK + 1] ^= 1;
        for changed in [&other[..], &longer, &bytes[..2 * BLOCK], b""] {
            std::fs::write(&own.0, changed).unwrap();
            let error = read(&source).unwrap_err();
            assert!(error.get_ref().is_some_and(|error| error.is::<Changed>()));
        }
        std::fs::write(&own.0, &bytes).unwrap();
        assert!(read(&source).is_ok());
    }

    #[test]
    fn an_empty_file_and_a_device_are_read_too() {
        let own = own("empty", b"");
        for path in [own.0.as_path(), Path::new("/dev/null")] {
            let source = Source::open(path, &mut Sha256::new()).unwrap();
            assert_eq!(read(&source).unwrap(), b"");
        }
    }
}
