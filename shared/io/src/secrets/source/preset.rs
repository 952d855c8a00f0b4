//! Presets for senders whose signatures are known. A preset stands for the members of a signature
//! that a secret would spell out otherwise (docs/contract.md "Presets").

use super::super::members::{MalformedSecret, Members};
use super::signature::{Scheme, Signature};

/// The presets by name, with the members that they stand for.
pub(super) const PRESETS: [(&str, &str); 12] = [
    (
        "hubspotV3",
        r#"{ "header": "x-hubspot-signature-v3", "encoding": "base64", "algorithm": "hmac-sha256", "signed": "{method}{url}{body}{timestamp}",
             "timestamp": { "header": "x-hubspot-request-timestamp", "unit": "ms" } }"#,
    ),
    (
        "hubspotV2",
        r#"{ "header": "x-hubspot-signature", "encoding": "hex", "algorithm": "sha256", "signed": "{secret}{method}{url}{body}" }"#,
    ),
    (
        "hubspotV1",
        r#"{ "header": "x-hubspot-signature", "encoding": "hex", "algorithm": "sha256", "signed": "{secret}{body}" }"#,
    ),
    (
        "github",
        r#"{ "header": "x-hub-signature-256", "prefix": "sha256=", "encoding": "hex", "algorithm": "hmac-sha256", "signed": "{body}" }"#,
    ),
    (
        "shopify",
        r#"{ "header": "x-shopify-hmac-sha256", "encoding": "base64", "algorithm": "hmac-sha256", "signed": "{body}" }"#,
    ),
    (
        "stripe",
        r#"{ "header": "stripe-signature", "prefix": "v1=", "delimiter": ",", "encoding": "hex", "algorithm": "hmac-sha256",
             "signed": "{timestamp}.{body}", "timestamp": { "prefix": "t=", "unit": "s" } }"#,
    ),
    (
        "calendly",
        r#"{ "header": "calendly-webhook-signature", "prefix": "v1=", "delimiter": ",", "encoding": "hex", "algorithm": "hmac-sha256",
             "signed": "{timestamp}.{body}", "timestamp": { "prefix": "t=", "unit": "s" } }"#,
    ),
    (
        "slack",
        r#"{ "header": "x-slack-signature", "prefix": "v0=", "encoding": "hex", "algorithm": "hmac-sha256", "signed": "v0:{timestamp}:{body}",
             "timestamp": { "header": "x-slack-request-timestamp", "unit": "s" } }"#,
    ),
    (
        "typeform",
        r#"{ "header": "typeform-signature", "prefix": "sha256=", "encoding": "base64", "algorithm": "hmac-sha256", "signed": "{body}" }"#,
    ),
    (
        "intercom",
        r#"{ "header": "x-hub-signature", "prefix": "sha1=", "encoding": "hex", "algorithm": "hmac-sha1", "signed": "{body}" }"#,
    ),
    (
        "webflow",
        r#"{ "header": "x-webflow-signature", "encoding": "hex", "algorithm": "hmac-sha256", "signed": "{timestamp}:{body}",
             "timestamp": { "header": "x-webflow-timestamp", "unit": "ms" } }"#,
    ),
    (
        "airtable",
        r#"{ "header": "x-airtable-content-mac", "prefix": "hmac-sha256=", "encoding": "hex", "algorithm": "hmac-sha256", "signed": "{body}",
             "secretEncoding": "base64" }"#,
    ),
];

/// The preset with the headers and secrets of `auth: standardWebhooks`.
pub(super) const STANDARD: &str = "standardWebhooks";
pub(super) const EXPECTED: &str = "one of standardWebhooks, hubspotV3, hubspotV2, hubspotV1, github, shopify, stripe, calendly, \
                                   slack, typeform, intercom, webflow and airtable";

/// The signature of a preset, with the secrets and the URL beside its name.
pub(super) fn read(preset: &str, beside: &mut Members<'_>) -> Result<Signature, MalformedSecret> {
    let known = PRESETS.iter().find(|(name, _)| *name == preset);
    let (_, members) = known.ok_or_else(|| Members::wrong("preset", EXPECTED))?;
    let mut members = Members::parse(members)?;
    let scheme = Scheme::read(&mut members)?;
    members.end()?;
    scheme.with_secrets(beside)
}
