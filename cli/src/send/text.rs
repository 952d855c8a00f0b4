//! From the bytes of a file to its text: packed by gzip or not, in the encoding that it says or
//! that a flag says.

use std::io::Read;

use encoding_rs::{Encoding, UTF_8};
use flate2::read::MultiGzDecoder;

/// The most that a packed file may hold.
const LARGEST: u64 = 4 << 30;

/// The text of a file without its byte order mark. `encoding`: where a flag names one.
///
/// # Errors
/// What was expected where. Nothing of the text stands in it.
pub(super) fn decode(
    bytes: Vec<u8>,
    encoding: Option<&'static Encoding>,
) -> Result<String, String> {
    let bytes = unpack(bytes)?;
    let (encoding, bytes) = match (Encoding::for_bom(&bytes), encoding) {
        (Some((marked, _)), Some(named)) if marked != named => {
            let (marked, named) = (marked.name(), named.name());
            return Err(format!(
                "--encoding: the file begins with the byte order mark of {marked}, not of {named}"
            ));
        }
        (Some((marked, length)), _) => (marked, &bytes[length..]),
        (None, named) => (named.unwrap_or(UTF_8), &bytes[..]),
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    if text
        .as_ref()
        .is_some_and(|text| text.chars().take(2).any(|c| c == '\0'))
    {
        return Err(
            "line 1: there are zero bytes, as in UTF-16 without a byte order mark: say \
                    --encoding utf-16le (or utf-16be) if it is that"
                .to_owned(),
        );
    }
    text.map(|text| text.into_owned())
        .ok_or_else(|| malformed(bytes, encoding))
}

/// An encoding by any of its labels, such as `windows-1252` or `latin1`
/// (encoding.spec.whatwg.org, "Names and labels").
pub(super) fn encoding(label: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(label.as_bytes())
        .ok_or_else(|| "expected an encoding such as utf-8, windows-1252 or utf-16le".to_owned())
}

fn unpack(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if !bytes.starts_with(b"\x1F\x8B") {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(&bytes[..])
        .take(LARGEST + 1)
        .read_to_end(&mut unpacked);
    match read {
        Ok(_) if unpacked.len() as u64 <= LARGEST => Ok(unpacked),
        Ok(_) => Err("expected at most 4 GiB when unpacked by gzip".to_owned()),
        Err(_) => {
            Err("expected a whole gzip file: it is damaged, or its end is missing".to_owned())
        }
    }
}

fn malformed(bytes: &[u8], encoding: &'static Encoding) -> String {
    if encoding != UTF_8 {
        return format!("expected text in {}", encoding.name());
    }
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let before = String::from_utf8_lossy(&bytes[..valid]);
    let line = super::csv::line_ends(&before) + 1;
    format!(
        "line {line}: expected UTF-8; Excel's \"CSV\" is mostly windows-1252: say --encoding \
         windows-1252 if it is that, or save it as \"CSV UTF-8\""
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use encoding_rs::WINDOWS_1252;

    use super::*;

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
    fn what_cannot_be_read_whole_is_told_and_nothing_is_guessed() {
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
}
