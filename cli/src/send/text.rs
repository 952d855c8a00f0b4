//! Decodes the bytes of a file, piece by piece: unpacks gzip, and reads the encoding that a byte
//! order mark or a flag names.
//!
//! Nothing is guessed: bytes that are no text in the encoding are an error that names the line. The
//! bytes come from [`source`](super::source); [`rows`](super::rows) cuts the text into rows.

use std::io::{Cursor, Error, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};
use flate2::read::MultiGzDecoder;

use super::csv::line_ends;
use super::source::{Changed, Source};

/// The most bytes that a packed file may hold.
const LARGEST: u64 = 4 << 30;
/// How many bytes are read at once.
const PIECE: usize = 1 << 16;

/// The text of a file from its beginning on, without a byte order mark.
pub(super) struct Text<'a> {
    bytes: Box<dyn Read + 'a>,
    /// Whether the bytes come from a gzip file.
    is_packed: bool,
    read: u64,
    buffer: Vec<u8>,
    encoding: &'static Encoding,
    decoder: Decoder,
    /// How many line ends were read until now.
    ends: usize,
    /// The last character that was read.
    last: Option<char>,
    is_over: bool,
}

impl<'a> Text<'a> {
    /// Opens the text. `encoding` is the one that a flag names.
    ///
    /// # Errors
    /// A message that says what was expected. It holds nothing of the text.
    pub(super) fn open(
        source: &'a Source,
        encoding: Option<&'static Encoding>,
    ) -> Result<Text<'a>, String> {
        let read = |error: Error| told(&error, false);
        let (packing, bytes) = peek(source.reader().map_err(read)?, 2).map_err(read)?;
        let is_packed = packing == b"\x1F\x8B";
        let bytes = if is_packed {
            Box::new(MultiGzDecoder::new(bytes).take(LARGEST + 1))
        } else {
            bytes
        };
        let (mark, bytes) = peek(bytes, 3).map_err(|error| told(&error, is_packed))?;
        let encoding = match (Encoding::for_bom(&mark), encoding) {
            (Some((marked, _)), Some(named)) if marked != named => {
                let (marked, named) = (marked.name(), named.name());
                return Err(format!(
                    "--encoding: the file begins with the byte order mark of {marked}, not of {named}"
                ));
            }
            (Some((marked, _)), _) => marked,
            (None, named) => named.unwrap_or(UTF_8),
        };
        Ok(Text {
            bytes,
            is_packed,
            read: 0,
            buffer: vec![0; PIECE],
            encoding,
            decoder: encoding.new_decoder_with_bom_removal(),
            ends: 0,
            last: None,
            is_over: false,
        })
    }

    /// Appends the next piece to `text`. Returns whether there may be more.
    ///
    /// # Errors
    /// A message that says what was expected in which line.
    pub(super) fn more(&mut self, text: &mut String) -> Result<bool, String> {
        if self.is_over {
            return Ok(false);
        }
        let told = |error: Error| told(&error, self.is_packed);
        let read = self.bytes.read(&mut self.buffer).map_err(told)?;
        self.read += read as u64;
        if self.is_packed && self.read > LARGEST {
            return Err("expected at most 4 GiB when decompressed".to_owned());
        }
        self.is_over = read == 0;
        let (mut bytes, before) = (&self.buffer[..read], text.len());
        let result = loop {
            let most = self
                .decoder
                .max_utf8_buffer_length_without_replacement(bytes.len());
            text.reserve(most.unwrap_or(PIECE));
            let last = self.is_over;
            let decoder = &mut self.decoder;
            let (result, done) = decoder.decode_to_string_without_replacement(bytes, text, last);
            bytes = &bytes[done..];
            if result != DecoderResult::OutputFull {
                break result;
            }
        };
        let piece = &text[before..];
        if self.last.is_none() && piece.chars().take(2).any(|c| c == '\0') {
            return Err(
                "line 1: there are zero bytes, as in UTF-16 without a byte order mark: say \
                        --encoding utf-16le (or utf-16be) if it is that"
                    .to_owned(),
            );
        }
        // A CR LF that two pieces share is one line end.
        let is_parted = self.last == Some('\r') && piece.starts_with('\n');
        self.ends += line_ends(piece) - usize::from(is_parted);
        self.last = piece.chars().next_back().or(self.last);
        if result != DecoderResult::InputEmpty {
            return Err(self.malformed());
        }
        Ok(!self.is_over)
    }

    /// How many lines were read until now.
    pub(super) fn lines(&self) -> usize {
        let ends_itself = matches!(self.last, None | Some('\r' | '\n'));
        self.ends + usize::from(!ends_itself)
    }

    fn malformed(&self) -> String {
        if self.encoding != UTF_8 {
            return format!("expected text in {}", self.encoding.name());
        }
        let line = self.ends + 1;
        format!(
            "line {line}: expected UTF-8; Excel's \"CSV\" is mostly windows-1252: pass --encoding \
             windows-1252 if it is that, or save it as \"CSV UTF-8\""
        )
    }
}

/// Reads the first bytes, `most` at the most. Returns them, and a reader of all bytes.
fn peek<'a>(
    mut bytes: Box<dyn Read + 'a>,
    most: u64,
) -> Result<(Vec<u8>, Box<dyn Read + 'a>), Error> {
    let mut first = Vec::new();
    (&mut bytes).take(most).read_to_end(&mut first)?;
    let all = Cursor::new(first.clone()).chain(bytes);
    Ok((first, Box::new(all)))
}

/// The message for a failed read.
fn told(error: &Error, is_packed: bool) -> String {
    if error.get_ref().is_some_and(|error| error.is::<Changed>()) {
        return Changed.to_string();
    }
    if is_packed {
        return "expected a whole gzip file: it is damaged, or its end is missing".to_owned();
    }
    error.to_string()
}

/// Finds an encoding by any of its labels, such as `windows-1252` or `latin1`
/// (encoding.spec.whatwg.org, "Names and labels").
pub(super) fn encoding(label: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(label.as_bytes())
        .ok_or_else(|| "expected an encoding such as utf-8, windows-1252 or utf-16le".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use encoding_rs::WINDOWS_1252;

    use super::*;

    fn decode(bytes: Vec<u8>, encoding: Option<&'static Encoding>) -> Result<String, String> {
        let source = Source::of(&bytes);
        let mut text = Text::open(&source, encoding)?;
        let mut all = String::new();
        while text.more(&mut all)? {}
        Ok(all)
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn a_file_is_read_in_the_encoding_that_its_mark_or_a_flag_says() {
        let utf16: Vec<u8> = "\u{FEFF}Zoë"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = "\u{FEFF}Zoë"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for (bytes, named) in [
            ("Zoë".as_bytes(), None),
            (b"\xEF\xBB\xBFZo\xC3\xAB", None),
            (b"\xEF\xBB\xBFZo\xC3\xAB", Some(UTF_8)),
            (&utf16, None),
            (&big, None),
            (b"Zo\xEB", Some(WINDOWS_1252)),
            (&packed(b"Zo\xC3\xAB"), None),
            (&packed(&utf16), None),
        ] {
            assert_eq!(
                decode(bytes.to_vec(), named).as_deref(),
                Ok("Zoë"),
                "{bytes:?}"
            );
        }
        assert_eq!(decode(Vec::new(), None).as_deref(), Ok(""));
        let twice = [packed(b"a"), packed(b"b")].concat();
        assert_eq!(decode(twice, None).as_deref(), Ok("ab"));
    }

    #[test]
    fn a_file_that_cannot_be_read_whole_is_an_error_and_nothing_is_guessed() {
        let told = |bytes: &[u8], named| decode(bytes.to_vec(), named).unwrap_err();
        assert!(told(b"a\r\nb\rZo\xEB", None).starts_with("line 3: expected UTF-8"));
        assert!(
            told(b"\xFF\xFEa\0", Some(WINDOWS_1252)).starts_with("--encoding: the file begins")
        );
        assert_eq!(told(b"\xFF\xFEa", None), "expected text in UTF-16LE");
        assert!(told(b"a\0b\0", None).contains("--encoding utf-16le"));
        assert!(told(b"\0a\0b", None).contains("--encoding utf-16le"));
        let mut cut = packed(b"contactKey,callable\na,false\n");
        cut.truncate(cut.len() - 9);
        assert!(told(&cut, None).starts_with("expected a whole gzip file"));
        assert!(encoding("no-such").is_err() && encoding("latin1") == Ok(WINDOWS_1252));
    }

    #[test]
    fn lines_are_counted_and_characters_are_whole_wherever_a_piece_ends() {
        for (line, ends) in [("a\r\n", 1), ("é\n", 1), ("x\ry\r\n", 2), ("🦀\r\r\n", 2)] {
            // The text in front lets pieces end at every place of a line.
            for before in 0..line.len() + 2 {
                let all = "z".repeat(before) + &line.repeat(3 * PIECE / line.len());
                let source = Source::of(all.as_bytes());
                let mut text = Text::open(&source, None).unwrap();
                let mut read = String::new();
                while text.more(&mut read).unwrap() {}
                assert!(read == all, "{line:?} {before}");
                assert_eq!(text.lines(), ends * (3 * PIECE / line.len()), "{line:?}");
            }
        }
        let mut late = "a\r\n".repeat(PIECE).into_bytes();
        late.push(0xEB);
        let told = decode(late, None).unwrap_err();
        assert!(
            told.starts_with(&format!("line {}: expected UTF-8", PIECE + 1)),
            "{told}"
        );
    }
}
