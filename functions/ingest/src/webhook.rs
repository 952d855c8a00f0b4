//! A webhook's authenticity and its changes, as pure functions: the clock is an argument.

use std::collections::BTreeMap;

use domain::Change;
use domain::change::{Fault, FaultCode, Sender};
use domain::json::Members;
use http::{HeaderMap, header};
use io::secrets::{Auth, SigningSecret};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::value::RawValue;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};
use subtle::{Choice, ConstantTimeEq};

use crate::LONGEST_SECONDS;

/// The most changes of one request.
const MOST: usize = 100;
/// The most faults that are told.
const MOST_FAULTS: usize = 1_000;
/// How far a signature's time may be ahead of the receiver's clock, and how far behind. Together
/// with the time that a request takes they are less than the five minutes for which
/// SQS remembers what it has: a request that is sent again by whoever overheard it does nothing
/// (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-key-terms.html).
const AHEAD_SECONDS: i64 = 60;
const BEHIND_SECONDS: i64 = 180;
const _: () = assert!(AHEAD_SECONDS + BEHIND_SECONDS + LONGEST_SECONDS < 300);

/// The headers of Standard Webhooks, and those that Svix's senders send by default.
const HEADERS: [[&str; 3]; 2] = [
    [
        HEADER_WEBHOOK_ID,
        HEADER_WEBHOOK_TIMESTAMP,
        HEADER_WEBHOOK_SIGNATURE,
    ],
    ["svix-id", "svix-timestamp", "svix-signature"],
];

/// What a request shows of who sends it, before it is known whether that is true: of each set of
/// headers that is complete and of now, and a token.
pub struct Shown<'a> {
    signed: Vec<Signed<'a>>,
    token: Option<&'a str>,
}

struct Signed<'a> {
    id: &'a str,
    sent_at: i64,
    signatures: &'a str,
}

impl<'a> Shown<'a> {
    /// # Errors
    /// Why it shows nothing that could let it in, whoever sends it.
    pub fn of(headers: &'a HeaderMap, now: Timestamp) -> Result<Shown<'a>, String> {
        let complete = HEADERS.iter().filter_map(|set| signed(headers, set));
        let (signed, off): (Vec<_>, Vec<_>) = complete.partition(|signed| {
            let ahead = signed.sent_at.saturating_sub(now.as_second());
            (-BEHIND_SECONDS..=AHEAD_SECONDS).contains(&ahead)
        });
        let token = token(headers);
        match off.first() {
            _ if token.is_some() || !signed.is_empty() => Ok(Shown { signed, token }),
            Some(off) => Err(format!(
                "its signature is dated {} s ahead of this clock: expected at most {AHEAD_SECONDS} s ahead, and at most \
                 {BEHIND_SECONDS} s behind; look at the sender's clock",
                off.sent_at.saturating_sub(now.as_second())
            )),
            None => Err(
                "it shows neither a complete signature (webhook-id, webhook-timestamp and webhook-signature, or the same of \
                 svix-) nor a bearer token"
                    .to_owned(),
            ),
        }
    }
}

fn signed<'a>(headers: &'a HeaderMap, [id, sent_at, signatures]: &[&str; 3]) -> Option<Signed<'a>> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    Some(Signed {
        id: text(id)?,
        sent_at: text(sent_at)?.parse().ok()?,
        signatures: text(signatures)?,
    })
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Who a request is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody who knows one of the source's secrets.
    Authentic,
    /// Somebody who knows one that is too short to let anybody in.
    SignedShort,
    /// Anybody.
    Stranger,
}

/// Whether the request is of somebody who knows one of the source's secrets. Over the raw bytes,
/// before any parsing; in time that does not tell which secret, or how much of one, was right.
pub fn judge(auth: &Auth, shown: &Shown<'_>, body: &[u8]) -> Verdict {
    match auth {
        Auth::StandardWebhooks(secrets) => {
            let is_signed_with = |secret: &SigningSecret| {
                // The crate's own check has a clock of its own; its signature has none.
                let webhook = Webhook::new(secret.text.expose_secret());
                shown.signed.iter().fold(Choice::from(0), |is_any, signed| {
                    let expected = webhook
                        .as_ref()
                        .ok()
                        .and_then(|webhook| webhook.sign(signed.id, signed.sent_at, body).ok());
                    is_any | is_any_of(expected.iter(), signed.signatures.split(' '))
                })
            };
            let of = |is_short| {
                let secrets = secrets.iter().filter(|secret| secret.is_short == is_short);
                secrets.fold(Choice::from(0), |is_any, secret| {
                    is_any | is_signed_with(secret)
                })
            };
            match (of(false).into(), of(true).into()) {
                (true, _) => Verdict::Authentic,
                (false, true) => Verdict::SignedShort,
                (false, false) => Verdict::Stranger,
            }
        }
        Auth::Bearer(tokens) => {
            let tokens = tokens.iter().map(ExposeSecret::expose_secret);
            if is_any_of(tokens, shown.token.into_iter()).into() {
                Verdict::Authentic
            } else {
                Verdict::Stranger
            }
        }
    }
}

fn is_any_of<'a>(
    expected: impl Iterator<Item = impl AsRef<[u8]>>,
    shown: impl Iterator<Item = &'a str> + Clone,
) -> Choice {
    let mut is_any = Choice::from(0);
    for expected in expected {
        for shown in shown.clone() {
            is_any |= expected.as_ref().ct_eq(shown.as_bytes());
        }
    }
    is_any
}

/// The changes of a body: one, or `{"changes": [ … ]}` with 1 to 100, each with the place where it
/// stands.
///
/// A change may stand twice, as it may be sent twice; but two changes of one contact never have one
/// event id, or the second would be taken for the first sent again.
///
/// # Errors
/// Every fault of every change (of more than 1,000 the first), with JSON pointers into the body.
pub fn changes(
    text: &str,
    sender: &Sender,
    now: Timestamp,
) -> Result<Vec<(String, Change)>, Vec<Fault>> {
    let pointers_and_texts = match wrapped(text) {
        None => vec![(String::new(), text)],
        Some(wrapped) => wrapped?,
    };
    let (mut changes, mut faults) = (Vec::new(), Vec::new());
    let mut events = BTreeMap::new();
    for (pointer, text) in pointers_and_texts {
        match Change::parse_from(sender, text, now) {
            Ok(change) => {
                let event = (change.message_group(), change.event_id.clone());
                let id = change.deduplication_id();
                if *events.entry(event).or_insert_with(|| id.clone()) != id {
                    faults.push(Fault {
                        pointer: format!("{pointer}/eventId"),
                        code: FaultCode::NotAllowed,
                        message: "expected another one than that of an earlier change of this contact in this request".into(),
                    });
                }
                changes.push((pointer, change));
            }
            Err(invalid) => faults.extend(invalid.faults().iter().cloned().map(|mut fault| {
                fault.pointer.insert_str(0, &pointer);
                fault
            })),
        }
    }
    faults.truncate(MOST_FAULTS);
    if faults.is_empty() {
        Ok(changes)
    } else {
        Err(faults)
    }
}

/// Texts of changes, each with the place where it stands.
type Placed<'a> = Vec<(String, &'a str)>;

/// The texts of `changes`; `None`: there is no such member, and the body is one change.
fn wrapped(text: &str) -> Option<Result<Placed<'_>, Vec<Fault>>> {
    let members: Members<'_> = serde_json::from_str(text).ok()?;
    let (lists, others): (Vec<_>, Vec<_>) = members
        .0
        .into_iter()
        .partition(|(name, _)| name == "changes");
    let (_, changes) = lists.first()?;
    let fault = |pointer: String, code, message: &'static str| Fault {
        pointer,
        code,
        message: message.into(),
    };
    let mut faults = Vec::new();
    for (name, _) in others {
        let name = name.replace('~', "~0").replace('/', "~1");
        faults.push(fault(
            format!("/{name}"),
            FaultCode::UnknownField,
            "expected nothing beside changes",
        ));
    }
    if lists.len() > 1 {
        faults.push(fault(
            "/changes".to_owned(),
            FaultCode::DuplicateField,
            "expected once",
        ));
    }
    let pointer = || "/changes".to_owned();
    let texts: Vec<&RawValue> = serde_json::from_str(changes.get()).unwrap_or_else(|_| {
        faults.push(fault(
            pointer(),
            FaultCode::WrongType,
            "expected an array of changes",
        ));
        Vec::new()
    });
    if faults.is_empty() && texts.is_empty() {
        faults.push(fault(
            pointer(),
            FaultCode::Required,
            "expected 1 to 100 changes",
        ));
    } else if texts.len() > MOST {
        faults.push(fault(
            pointer(),
            FaultCode::TooMany,
            "expected 1 to 100 changes",
        ));
    }
    if !faults.is_empty() {
        faults.truncate(MOST_FAULTS);
        return Some(Err(faults));
    }
    let texts = texts.into_iter().enumerate();
    Some(Ok(texts
        .map(|(index, text)| (format!("/changes/{index}"), text.get()))
        .collect()))
}

#[cfg(test)]
mod tests;
