//! The member `auth` of a source's secret: the ways in which a sender can authenticate itself.
//!
//! The member is either the name of a way, with its keys in other members (`"auth": "bearer"`), or
//! an object that holds everything (`"auth": {"header": {…}}`). The objects are read in
//! `signature`, `preset` and `token`. Requests are checked in `ingest::auth`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use secrecy::SecretString;

use super::super::members::{MalformedSecret, Members};
use super::preset;
use super::signature::{self, Signature};
use super::token::{self, BodyToken, HeaderToken, QueryToken};

/// The fewest bytes of a signing secret (github.com/standard-webhooks/standard-webhooks, "Signature
/// scheme": 24 to 64). A longer secret is no weaker, so it is accepted.
const FEWEST_BYTES: usize = 24;
pub(super) const LONG_ENOUGH: &str = "at least one of 24 bytes or more, such as whsec_$(openssl rand -base64 \
    24): a request that is signed with a shorter one is not let in";

/// How a sender authenticates itself (docs/contract.md "Webhook"). Each of the secrets is accepted.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Signatures of Standard Webhooks.
    StandardWebhooks(Vec<SigningSecret>),
    /// `Authorization: Bearer`.
    Bearer(Vec<SecretString>),
    /// Signatures of another form.
    Signature(Signature),
    /// `Authorization: Basic`, for each `user:password`.
    Basic(Vec<SecretString>),
    /// A token in a header.
    Header(HeaderToken),
    /// A token in the query.
    Query(QueryToken),
    /// A token in the body.
    Body(BodyToken),
}

/// One key with which a sender may sign.
#[derive(Clone, Debug)]
pub struct SigningSecret {
    /// The key in base64, with or without `whsec_`.
    pub text: SecretString,
    /// Whether it has fewer than 24 bytes. Requests signed with it are recognised but not let in.
    pub is_short: bool,
}

impl Auth {
    /// Whether the sender signs the body, and so everything that the body says.
    pub fn signs_body(&self) -> bool {
        matches!(self, Auth::StandardWebhooks(_) | Auth::Signature(_))
    }

    /// The number of secrets, each of which is accepted.
    pub fn secrets(&self) -> usize {
        match self {
            Auth::StandardWebhooks(secrets) => secrets.len(),
            Auth::Signature(signature) => signature.secrets.len(),
            Auth::Bearer(values) | Auth::Basic(values) => values.len(),
            Auth::Header(HeaderToken { values, .. })
            | Auth::Query(QueryToken { values, .. })
            | Auth::Body(BodyToken { values, .. }) => values.len(),
        }
    }

    /// The number of signing secrets that are too short to be accepted.
    pub fn short_secrets(&self) -> usize {
        match self {
            Auth::StandardWebhooks(secrets) => {
                secrets.iter().filter(|secret| secret.is_short).count()
            }
            _ => 0,
        }
    }
}

/// Reads `"auth": "standardWebhooks"`, which is the default, or `"auth": "bearer"`.
pub(super) fn of_name(members: &mut Members<'_>) -> Result<Auth, MalformedSecret> {
    if members.begins_with("auth", '[') {
        return Err(Members::wrong(
            "auth",
            "one way to authenticate and not a list, since the weakest of several would be enough",
        ));
    }
    let is_bearer = members.text(
        "auth",
        "\"standardWebhooks\", \"bearer\" or an object",
        |auth| match auth {
            "standardWebhooks" => Some(false),
            "bearer" => Some(true),
            _ => None,
        },
    )?;
    let signing = members.texts("signingSecrets", SIGNING_SECRETS, signing_secret)?;
    let tokens = members.texts("bearerTokens", "an array of tokens", bearer_token)?;
    match is_bearer.unwrap_or(false) {
        true if tokens.is_empty() => Err(Members::wrong(
            "bearerTokens",
            "at least one, for auth bearer",
        )),
        true => Ok(Auth::Bearer(tokens)),
        false => standard("signingSecrets", signing),
    }
}

/// Reads `"auth": {…}`, an object with one member that names the way.
pub(super) fn of_object(members: &mut Members<'_>) -> Result<Auth, MalformedSecret> {
    const ONE: &str = "exactly one of preset, signature, basic, header, query and body";
    let auth = members.object("auth", |auth| {
        let preset = auth.text("preset", preset::EXPECTED, |name| Some(name.to_owned()))?;
        let ways = [
            preset.map(|preset| of_preset(&preset, auth)).transpose()?,
            auth.object("signature", signature::read)?
                .map(Auth::Signature),
            auth.object("basic", token::basic)?.map(Auth::Basic),
            auth.object("header", token::header)?.map(Auth::Header),
            auth.object("query", token::query)?.map(Auth::Query),
            auth.object("body", token::body)?.map(Auth::Body),
        ];
        let mut ways = ways.into_iter().flatten();
        match (ways.next(), ways.next()) {
            (Some(way), None) => Ok(way),
            _ => Err(Members::malformed(ONE)),
        }
    })?;
    for of_name in ["signingSecrets", "bearerTokens"] {
        const NONE: &str = "none beside an auth that is an object";
        members.optional(of_name, NONE, |texts: Vec<String>| {
            texts.is_empty().then_some(())
        })?;
    }
    auth.ok_or_else(|| Members::wrong("auth", ONE))
}

fn of_preset(preset: &str, auth: &mut Members<'_>) -> Result<Auth, MalformedSecret> {
    if preset == preset::STANDARD {
        let secrets = auth.texts("secrets", SIGNING_SECRETS, signing_secret)?;
        return standard("secrets", secrets);
    }
    preset::read(preset, auth).map(Auth::Signature)
}

const SIGNING_SECRETS: &str = "an array of secrets in base64";

fn standard(name: &str, secrets: Vec<SigningSecret>) -> Result<Auth, MalformedSecret> {
    if secrets.is_empty() {
        return Err(Members::wrong(name, "at least one"));
    }
    if secrets.iter().all(|secret| secret.is_short) {
        return Err(Members::wrong(name, LONG_ENOUGH));
    }
    Ok(Auth::StandardWebhooks(secrets))
}

/// Reads a signing secret. Other forms of keys get an error that names them.
fn signing_secret(text: &str) -> Result<SigningSecret, &'static str> {
    let base64 = text.strip_prefix("whsec_").unwrap_or(text);
    if text.contains(char::is_whitespace) {
        return Err("secrets without white space");
    }
    if text.starts_with("v1,") {
        return Err("whsec_ and base64, without v1, in front");
    }
    if text.starts_with("whsk_") || text.starts_with("whpk_") {
        return Err("symmetric secrets (whsec_), not one of a key pair (whsk_, whpk_)");
    }
    if base64.is_empty() {
        // An empty secret would let everybody in.
        return Err("secrets that are not empty");
    }
    if base64.contains(['-', '_']) {
        return Err("base64 of the standard alphabet, with + and / in place of - and _");
    }
    match STANDARD_PAD_INDIFFERENT.decode(base64) {
        Err(_) => Err("secrets in base64, with or without whsec_ in front"),
        Ok(_) if !base64.len().is_multiple_of(4) => Err("base64 with its padding (=) at the end"),
        Ok(key) => Ok(SigningSecret {
            text: SecretString::from(text),
            is_short: key.len() < FEWEST_BYTES,
        }),
    }
}

/// Reads a bearer token. A header cannot carry any other text.
fn bearer_token(text: &str) -> Result<SecretString, &'static str> {
    let is_visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if text.is_empty() || text.trim() != text || !text.bytes().all(is_visible) {
        return Err("tokens of visible ASCII characters, without white space at either end");
    }
    Ok(SecretString::from(text))
}
