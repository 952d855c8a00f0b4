//! Standard Webhooks. The crate `standardwebhooks` computes the signatures.

use http::HeaderMap;
use io::secrets::SigningSecret;
use secrecy::ExposeSecret;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};
use subtle::Choice;

use super::{Authenticity, BEHIND_SECONDS, Shown, Why, ahead_of, is_any_of};

/// The headers of Standard Webhooks, and those that Svix sends by default.
pub(super) const HEADERS: [[&str; 3]; 2] = [
    [
        HEADER_WEBHOOK_ID,
        HEADER_WEBHOOK_TIMESTAMP,
        HEADER_WEBHOOK_SIGNATURE,
    ],
    ["svix-id", "svix-timestamp", "svix-signature"],
];
const LACKS: &str = "it shows no complete signature (webhook-id, webhook-timestamp and webhook-signature, or the same of svix-)";

/// A complete set of headers.
struct Signed<'a> {
    id: &'a str,
    sent_at: i64,
    signatures: &'a str,
}

pub(super) fn judge(secrets: &[SigningSecret], shown: &Shown<'_>) -> Authenticity {
    let complete = HEADERS.iter().filter_map(|set| signed(shown.headers, set));
    let ahead = |signed: &Signed<'_>| signed.sent_at.saturating_sub(shown.now.as_second());
    let (of_now, off): (Vec<_>, Vec<_>) = complete
        .partition(|signed| (-BEHIND_SECONDS..=ahead_of(BEHIND_SECONDS)).contains(&ahead(signed)));
    if of_now.is_empty() {
        return Authenticity::Stranger(match off.first() {
            Some(off) => Why::Off {
                ahead: ahead(off),
                behind: BEHIND_SECONDS,
            },
            None => Why::Lacks(LACKS.into()),
        });
    }
    let of = |is_short| {
        let secrets = secrets.iter().filter(|secret| secret.is_short == is_short);
        secrets.fold(Choice::from(0), |is_any, secret| {
            is_any | is_signed_with(secret, &of_now, shown.body)
        })
    };
    match (of(false).into(), of(true).into()) {
        (true, _) => Authenticity::Authentic,
        (false, true) => Authenticity::SignedShort,
        (false, false) => Authenticity::Stranger(Why::Wrong),
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

/// The crate's own check reads the clock. Its signature function does not, so the signature is
/// computed and compared here.
fn is_signed_with(secret: &SigningSecret, signed: &[Signed<'_>], body: &[u8]) -> Choice {
    let webhook = Webhook::new(secret.text.expose_secret()).ok();
    signed.iter().fold(Choice::from(0), |is_any, signed| {
        let expected = webhook
            .as_ref()
            .and_then(|webhook| webhook.sign(signed.id, signed.sent_at, body).ok());
        let shown = signed.signatures.split(' ').map(str::as_bytes);
        is_any | is_any_of(expected.iter(), shown)
    })
}

#[cfg(test)]
mod tests;
