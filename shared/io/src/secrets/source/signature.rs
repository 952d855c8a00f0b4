//! `{"signature": {…}}`: how a sender signs, member by member.
//!
//! For example, a sender may put the hex HMAC of `{timestamp}.{body}` into one header and the time
//! into another. The members of the object describe that, and a preset stands for the members of a
//! known sender. `values` reads single members. Signatures are checked in `ingest::auth`.

mod values;

use http::HeaderName;
use secrecy::{SecretSlice, SecretString};

use super::super::members::{MalformedSecret, Members};
use super::template::{Part, Template};
use super::token::header_name;
use values::{ALGORITHM, DELIMITER, PREFIX, algorithm, delimiter, encoding, prefix, secret, url};

/// The longest tolerance for the time of a signature. With the minute that the time may be ahead,
/// and the duration of a request, it is less than the five minutes for which SQS drops duplicates
/// (docs/design.md "The window and the deduplication").
pub const LONGEST_TOLERANCE: i64 = 180;

/// The way in which a sender signs, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The header that holds the signature.
    pub header: HeaderName,
    /// The text before the signature. A value with another beginning is no signature.
    pub prefix: String,
    /// The delimiter between several values of the header. `None` means that it holds one value.
    pub delimiter: Option<char>,
    /// The encoding of the signature.
    pub encoding: Encoding,
    /// The algorithm of the signature.
    pub algorithm: Algorithm,
    /// The template of what is signed.
    pub signed: Template,
    /// The header of the id, if an id is signed.
    pub id: Option<HeaderName>,
    /// The time, if one is signed. Without one, a signature is valid forever.
    pub time: Option<SignedTime>,
    /// Whether secrets are base64. Otherwise they are the bytes of the text.
    pub is_base64: bool,
}

/// The encoding of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits in either case.
    Hex,
    /// The standard alphabet of base64, with or without padding.
    Base64,
}

/// The algorithm of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
    /// HMAC with SHA-1. SHA-1 is broken as a hash, but not in an HMAC.
    HmacSha1,
    /// SHA-256 of a text that contains the secret. To extend such a text without the secret, an
    /// attacker must add a byte 0x80 to the body, which is then not UTF-8 and is refused earlier.
    Sha256,
}

/// The place and meaning of the signed time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTime {
    /// The place in the request.
    pub place: TimePlace,
    /// Whether it counts milliseconds. Otherwise it counts seconds.
    pub is_milliseconds: bool,
    /// How many seconds the time may be behind the receiver's clock. It may be as many ahead, but
    /// at most a minute.
    pub tolerance: i64,
}

/// The place of a signed time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimePlace {
    /// In a header of its own.
    Header(HeaderName),
    /// One of the values in the signature's header, after this prefix.
    Beside(String),
}

/// The way in which a sender signs, with its secrets. Each of the secrets is accepted.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The way in which it signs.
    pub scheme: Scheme,
    /// The URL that the sender was given. It may contain a token.
    pub url: Option<SecretString>,
    /// The secrets.
    pub secrets: Vec<SecretSlice<u8>>,
}

impl Scheme {
    /// Reads every member except `secrets` and `url`.
    pub(super) fn read(members: &mut Members<'_>) -> Result<Scheme, MalformedSecret> {
        const SIGNED: &str = "a text such as {timestamp}.{body}";
        const HEADER: &str = "the name of a header that the sender writes";
        let scheme = Scheme {
            header: members.required("header", HEADER, header_name)?,
            delimiter: members.text("delimiter", DELIMITER, delimiter)?,
            prefix: members.text("prefix", PREFIX, prefix)?.unwrap_or_default(),
            encoding: members.required("encoding", "hex or base64", encoding)?,
            algorithm: members.required("algorithm", ALGORITHM, algorithm)?,
            signed: members
                .told("signed", SIGNED, Template::parse)?
                .ok_or_else(|| Members::wrong("signed", SIGNED))?,
            id: members.text("idHeader", HEADER, header_name)?,
            time: members.object("timestamp", time)?,
            is_base64: members
                .text("secretEncoding", "text or base64", |text| match text {
                    "text" => Some(false),
                    "base64" => Some(true),
                    _ => None,
                })?
                .unwrap_or(false),
        };
        scheme.check()?;
        Ok(scheme)
    }

    /// Checks the members against each other.
    fn check(&self) -> Result<(), MalformedSecret> {
        let wrong = |name, expected| Err(Members::wrong(name, expected));
        let (is_hmac, has) = (self.algorithm != Algorithm::Sha256, |part| {
            self.signed.has(part)
        });
        match (is_hmac, has(Part::Secret)) {
            (true, true) => return wrong("signed", "no {secret}: to an HMAC it is the key"),
            (false, false) => return wrong("signed", "{secret} in it, for sha256"),
            _ => {}
        }
        match (&self.time, has(Part::Timestamp)) {
            (Some(_), false) => {
                return wrong(
                    "signed",
                    "{timestamp} in it, or no timestamp: a time that is not signed protects nothing",
                );
            }
            (None, true) => {
                return wrong("timestamp", "the place of the {timestamp} that is signed");
            }
            _ => {}
        }
        match (&self.id, has(Part::Id)) {
            (Some(_), false) => {
                return wrong(
                    "signed",
                    "{id} in it, or no idHeader: an id that is not signed can be forged",
                );
            }
            (None, true) => return wrong("idHeader", "the header of the {id} that is signed"),
            _ => {}
        }
        let is_in_prefix = |delimiter| self.prefix.contains(delimiter);
        if self.delimiter.is_some_and(is_in_prefix) {
            return wrong("prefix", "a text without the delimiter");
        }
        match self.time.as_ref().map(|time| &time.place) {
            Some(TimePlace::Beside(_)) if self.delimiter.is_none() => wrong(
                "delimiter",
                "one, since the time stands in the header of the signature",
            ),
            Some(TimePlace::Beside(prefix))
                if prefix.starts_with(&self.prefix) || self.prefix.starts_with(prefix) =>
            {
                wrong(
                    "prefix",
                    "two prefixes, neither of which begins with the other",
                )
            }
            _ => Ok(()),
        }
    }

    /// Reads `secrets`, and `url` if it is signed.
    pub(super) fn with_secrets(
        self,
        members: &mut Members<'_>,
    ) -> Result<Signature, MalformedSecret> {
        const URL: &str = "the URL that the sender was given, as it signs it: https://, visible ASCII characters, no fragment";
        // If no URL is signed, `url` is an unknown member.
        let url = if self.signed.has(Part::Url) {
            Some(members.required("url", URL, url)?)
        } else {
            None
        };
        let secret = |text: &str| secret(text, self.is_base64);
        let secrets = members.texts("secrets", "an array of texts", secret)?;
        if secrets.is_empty() {
            return Err(Members::wrong("secrets", "at least one"));
        }
        Ok(Signature {
            scheme: self,
            url,
            secrets,
        })
    }
}

/// Reads a signature that is described by its members.
pub(super) fn read(members: &mut Members<'_>) -> Result<Signature, MalformedSecret> {
    Scheme::read(members)?.with_secrets(members)
}

/// Reads `timestamp`.
fn time(members: &mut Members<'_>) -> Result<SignedTime, MalformedSecret> {
    let header = members.text("header", "the name of a header", header_name)?;
    let beside = members.text("prefix", "1 to 32 visible ASCII characters", |text| {
        prefix(text).filter(|prefix| !prefix.is_empty())
    })?;
    let place = match (header, beside) {
        (Some(header), None) => TimePlace::Header(header),
        (None, Some(prefix)) => TimePlace::Beside(prefix),
        _ => return Err(Members::wrong("header", "either it or prefix")),
    };
    let is_milliseconds = members.required("unit", "s or ms", |text| match text {
        "s" => Some(false),
        "ms" => Some(true),
        _ => None,
    })?;
    let tolerance = members.optional(
        "toleranceSeconds",
        "1 to 180, so that SQS still drops a request that is sent again within that time",
        |seconds: i64| {
            (1..=LONGEST_TOLERANCE)
                .contains(&seconds)
                .then_some(seconds)
        },
    )?;
    Ok(SignedTime {
        place,
        is_milliseconds,
        tolerance: tolerance.unwrap_or(LONGEST_TOLERANCE),
    })
}
