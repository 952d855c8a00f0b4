//! What is refused of a request by its body and headers alone, whoever sends it (docs/contract.md "Webhook").

use domain::change::Fault;
use http::{HeaderMap, header};

use crate::cloud_event::Form;

/// The largest body: 256 KiB.
const MOST_BYTES: usize = 256 << 10;

/// Why a body is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 413: it is larger than 256 KiB.
    TooLarge,
    /// 415: it is compressed.
    Encoded,
    /// 415: its media type is not one of JSON.
    MediaType,
}

/// The form of a body that is looked at, or what is wrong with the headers that tell of it.
///
/// # Errors
/// Why it is not.
pub fn form(headers: &HeaderMap, body: &[u8]) -> Result<Result<Form, Fault>, Refused> {
    if body.len() > MOST_BYTES {
        return Err(Refused::TooLarge);
    }
    if !is_identity(headers) {
        return Err(Refused::Encoded);
    }
    Form::of(headers).ok_or(Refused::MediaType)
}

/// Whether the body is as it is, and not compressed.
fn is_identity(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut encodings = encodings.flat_map(|all| all.as_bytes().split(|byte| *byte == b','));
    encodings.all(|encoding| {
        let encoding = encoding.trim_ascii();
        encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
    })
}
