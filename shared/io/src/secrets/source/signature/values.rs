//! Reads single members of a signature's description. [`super`] says which members there are, and
//! how they depend on each other.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{SecretSlice, SecretString};

use super::super::token::{LONG_ENOUGH, is_long_enough};
use super::{Algorithm, Encoding};

pub(super) const ALGORITHM: &str = "hmac-sha256, hmac-sha512, hmac-sha1 or sha256";
pub(super) const DELIMITER: &str =
    "one visible ASCII character, or a space, that is no letter, no digit and none of + / =";
pub(super) const PREFIX: &str = "at most 32 visible ASCII characters";

/// Reads the encoding of the signature.
pub(super) fn encoding(text: &str) -> Option<Encoding> {
    match text {
        "hex" => Some(Encoding::Hex),
        "base64" => Some(Encoding::Base64),
        _ => None,
    }
}

/// Reads the algorithm.
pub(super) fn algorithm(text: &str) -> Option<Algorithm> {
    match text {
        "hmac-sha256" => Some(Algorithm::HmacSha256),
        "hmac-sha512" => Some(Algorithm::HmacSha512),
        "hmac-sha1" => Some(Algorithm::HmacSha1),
        "sha256" => Some(Algorithm::Sha256),
        _ => None,
    }
}

/// Reads the delimiter. It must not be a character that a signature can contain.
pub(super) fn delimiter(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let (Some(delimiter), None) = (chars.next(), chars.next()) else {
        return None;
    };
    let is_of_signature = delimiter.is_ascii_alphanumeric() || "+/=".contains(delimiter);
    let is_shown = delimiter.is_ascii_graphic() || delimiter == ' ';
    (is_shown && !is_of_signature).then_some(delimiter)
}

/// Reads a prefix of a header's value.
pub(super) fn prefix(text: &str) -> Option<String> {
    let is_prefix = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_prefix.then(|| text.to_owned())
}

/// Reads the URL that the sender was given.
pub(super) fn url(text: &str) -> Option<SecretString> {
    let is_url = text.len() > "https://".len()
        && text.starts_with("https://")
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && !text.contains('#');
    is_url.then(|| SecretString::from(text))
}

/// Reads a secret as bytes.
pub(super) fn secret(text: &str, is_base64: bool) -> Result<SecretSlice<u8>, &'static str> {
    if text.trim() != text || text.contains(char::is_control) {
        return Err("secrets without white space at either end");
    }
    let key = if is_base64 {
        let base64 = text.strip_prefix("whsec_").unwrap_or(text);
        let key = STANDARD.decode(base64);
        key.map_err(|_| "secrets in base64 with its padding, as secretEncoding says")?
    } else {
        text.as_bytes().to_vec()
    };
    if is_long_enough(&key) {
        Ok(SecretSlice::from(key))
    } else {
        Err(LONG_ENOUGH)
    }
}
