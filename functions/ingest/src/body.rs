//! Checks body and headers, before the request is authenticated (docs/contract.md "Webhook").

use domain::change::Fault;
use http::{HeaderMap, header};

use crate::cloud_event::Form;

/// The largest body: 256 KiB.
const MOST_BYTES: usize = 256 << 10;

/// The reason for which a body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// 413: the body is larger than 256 KiB.
    TooLarge,
    /// 415: the body is compressed.
    Encoded,
    /// 415: the media type is not a JSON type.
    MediaType,
}

/// The form of a body that is read, or the fault in the headers that describe it.
///
/// # Errors
/// The reason for which the body is not read.
pub fn form(headers: &HeaderMap, body: &[u8]) -> Result<Result<Form, Fault>, BodyError> {
    if body.len() > MOST_BYTES {
        return Err(BodyError::TooLarge);
    }
    if !is_identity(headers) {
        return Err(BodyError::Encoded);
    }
    Form::of(headers).ok_or(BodyError::MediaType)
}

/// Whether the body is not compressed.
fn is_identity(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut encodings = encodings.flat_map(|all| all.as_bytes().split(|byte| *byte == b','));
    encodings.all(|encoding| {
        let encoding = encoding.trim_ascii();
        encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
    })
}
