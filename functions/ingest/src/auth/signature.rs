//! Signatures of any form that the secret of a source describes.
//!
//! The secret says which header holds the signature, how it is encoded, and over what it is made
//! (docs/contract.md "Secrets"). [`sign`] computes the expected signature, which is compared in
//! constant time. The time and the id of the request are checked if they are signed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use io::secrets::{Algorithm, Encoding, Part, Piece, Scheme, Signature, SignedTime, TimePlace};
use secrecy::ExposeSecret;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::Choice;

use super::{Shown, Why, ahead_of, is_any_of};

pub(super) fn judge(signature: &Signature, shown: &Shown<'_>) -> Result<Choice, Why> {
    let scheme = &signature.scheme;
    let header = only(shown.headers, &scheme.header)?;
    let values: Vec<_> = match scheme.delimiter {
        Some(delimiter) => header.split(delimiter).map(str::trim_ascii).collect(),
        None => vec![header],
    };
    let time = scheme.time.as_ref();
    let time = time.map(|time| of_now(time, &values, shown)).transpose()?;
    let id = scheme.id.as_ref();
    let id = id
        .map(|header| id_of(scheme, header, shown.headers))
        .transpose()?;
    let signatures = values.iter().filter_map(|value| {
        let value = value.strip_prefix(&*scheme.prefix)?;
        decoded(value, scheme.encoding)
    });
    let signatures: Vec<_> = signatures.collect();
    if signatures.is_empty() {
        let detail = format!(
            "its header {} holds no signature of the form that the source's secret describes: look at prefix, \
             delimiter and encoding",
            scheme.header
        );
        return Err(Why::Lacks(detail.into()));
    }
    let expected = signature.secrets.iter().map(|secret| {
        let secret = secret.expose_secret();
        let url = signature
            .url
            .as_ref()
            .map(|url| url.expose_secret().as_bytes());
        let bytes = |part| match part {
            Part::Method => shown.method.as_str().as_bytes(),
            Part::Url => url.unwrap_or_default(),
            Part::Body => shown.body,
            Part::Timestamp => time.unwrap_or_default().as_bytes(),
            Part::Id => id.unwrap_or_default().as_bytes(),
            Part::Secret => secret,
        };
        sign(scheme, secret, bytes)
    });
    // If no signature can be computed, nobody is let in: an empty text is no signature.
    let expected = expected.filter(|signature| !signature.is_empty());
    let signatures: Vec<_> = signatures
        .into_iter()
        .filter(|signature| !signature.is_empty())
        .collect();
    Ok(is_any_of(expected, signatures.iter().map(Vec::as_slice)))
}

/// The bytes of the signature over the template filled with these values.
pub(super) fn sign<'a>(
    scheme: &Scheme,
    secret: &[u8],
    bytes: impl Fn(Part) -> &'a [u8],
) -> Vec<u8> {
    let pieces = scheme.signed.pieces().map(|piece| match piece {
        Piece::Text(text) => text.as_bytes(),
        Piece::Part(part) => bytes(*part),
    });
    match scheme.algorithm {
        Algorithm::HmacSha256 => hmac::<Sha256>(secret, pieces),
        Algorithm::HmacSha512 => hmac::<Sha512>(secret, pieces),
        Algorithm::HmacSha1 => hmac::<Sha1>(secret, pieces),
        Algorithm::Sha256 => {
            let hash = pieces.fold(Sha256::new(), Digest::chain_update);
            hash.finalize().to_vec()
        }
    }
}

/// Computes an HMAC. A key of any length is valid. If one were not, the result would be empty,
/// which is nobody's signature.
fn hmac<'a, D: EagerHash>(secret: &[u8], pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8>
where
    Hmac<D>: KeyInit + Mac,
{
    let Ok(mut hmac) = <Hmac<D> as KeyInit>::new_from_slice(secret) else {
        return Vec::new();
    };
    pieces.for_each(|piece| hmac.update(piece));
    hmac.finalize().into_bytes().to_vec()
}

/// The value of a header that occurs exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Why> {
    let mut all = headers.get_all(name).iter();
    match (all.next().map(|text| text.to_str()), all.next()) {
        (Some(Ok(text)), None) => Ok(text),
        _ => Err(Why::Lacks(
            format!(
                "it does not have the header {name} exactly once, as the source's secret demands"
            )
            .into(),
        )),
    }
}

/// The signed time, if it is within the tolerance.
fn of_now<'a>(time: &SignedTime, values: &[&'a str], shown: &Shown<'a>) -> Result<&'a str, Why> {
    let lacks = || {
        Why::Lacks(
            "it shows no time, or several, at the place that the source's secret names".into(),
        )
    };
    let text = match &time.place {
        TimePlace::Header(name) => only(shown.headers, name)?,
        TimePlace::Beside(prefix) => {
            let mut times = values
                .iter()
                .filter_map(|value| value.strip_prefix(&**prefix));
            match (times.next(), times.next()) {
                (Some(text), None) => text,
                _ => return Err(lacks()),
            }
        }
    };
    // Only digits are accepted. The signature is over the text, and other notations such as `+1`
    // would be the same number.
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = text.parse().ok().filter(|_| is_number).ok_or_else(lacks)?;
    let (unit, now) = if time.is_milliseconds {
        (1_000, shown.now.as_millisecond())
    } else {
        (1, shown.now.as_second())
    };
    let (ahead, behind) = (number.saturating_sub(now), time.tolerance);
    if (-behind * unit..=ahead_of(behind) * unit).contains(&ahead) {
        Ok(text)
    } else {
        let ahead = ahead.div_euclid(unit);
        Err(Why::Off { ahead, behind })
    }
}

/// The signed id. It must not contain a character that could move the border to what is signed next
/// to it.
fn id_of<'a>(scheme: &Scheme, name: &HeaderName, headers: &'a HeaderMap) -> Result<&'a str, Why> {
    let id = only(headers, name)?;
    let is_id = !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_graphic())
        && !id.contains(|c| scheme.signed.beside_id().any(|beside| beside == c));
    if is_id {
        Ok(id)
    } else {
        let detail = format!(
            "its header {name} is not an id: expected visible ASCII characters without the delimiter beside the id"
        );
        Err(Why::Lacks(detail.into()))
    }
}

/// The text of a signature.
pub(super) fn encoded(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Base64 => STANDARD.encode(bytes),
        Encoding::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn decoded(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => STANDARD_PAD_INDIFFERENT.decode(text).ok(),
        Encoding::Hex => {
            let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            });
            pairs.collect()
        }
    }
}

fn digit(hex: u8) -> Option<u8> {
    let digit = char::from(hex).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests;
