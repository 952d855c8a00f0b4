//! A sender for each preset of a mapping. It prints what it sends now, as a command for a shell.

use emulator::World;
use ingest::auth;
use io::secrets::SourceSecret;
use jiff::Timestamp;
use secrecy::SecretString;

pub(super) use super::super::vendor::CAMPAIGN;
use super::super::vendor::Sample;
use crate::webhook;

/// The beginning of each path.
pub(super) const PREFIX: &str = "/_senders/";

/// Stores the sender's source, and its contact if the sender sends only what changed.
pub(super) fn put(outside: &World, sample: &Sample) {
    outside.put_source(sample.source, &sample.secret);
    if sample.is_known {
        let data = [("firstName", "Ada"), ("phone", "+15550000000")];
        outside
            .genesys
            .put_contact(CAMPAIGN.1, &sample.key, &data, true);
    }
}

/// One line for each sender, to be copied.
pub(super) fn lines(samples: &[Sample], base: &str) -> String {
    let line = |sample: &Sample| {
        let command = format!("curl -s {base}{PREFIX}{} | sh", sample.source);
        format!("{command:<75} # {}\n", sample.what)
    };
    samples.iter().map(line).collect()
}

/// Answers `NAME` with a curl command that is signed now, and `NAME/secret` and `NAME/body` with
/// its parts.
pub(super) fn answer(
    samples: &[Sample],
    base: &str,
    wanted: &str,
    now: Timestamp,
) -> Option<String> {
    let (name, part) = wanted.split_once('/').unwrap_or((wanted, ""));
    let sample = samples.iter().find(|sample| sample.source == name)?;
    let body = sample.body(now.as_millisecond());
    let text = match part {
        "secret" => serde_json::to_string_pretty(&sample.secret).ok()?,
        "body" => body,
        "" => {
            let secret = SecretString::from(sample.secret.to_string());
            let auth = SourceSecret::parse(&secret).ok()?.auth;
            let sent = auth::sent(&auth, &body, now).ok()?;
            let url = format!("{base}/webhooks/{name}");
            webhook::curl(&url, sample.media_type, &sent)
        }
        _ => return None,
    };
    Some(text + "\n")
}
