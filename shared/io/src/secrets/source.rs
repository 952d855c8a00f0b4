//! `{prefix}/source/{source}`: how a sender of webhooks shows who it is, and what it may write.
//!
//! [`SourceSecret::parse`] reads and checks the secret; requests are checked against it in
//! `ingest::auth`. The parts of the secret have modules: `signature`, `preset` and `template` for
//! signatures, `token` for passwords and tokens, and `campaigns` for sources with several
//! campaigns.

mod campaigns;
mod preset;
mod signature;
mod template;
mod token;

pub use campaigns::Campaigns;
pub use signature::{
    Algorithm, Encoding, LONGEST_TOLERANCE, Scheme, Signature, SignedTime, TimePlace,
};
pub use template::{Part, Piece, Template};
pub use token::{BodyToken, HeaderToken, QueryToken};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use domain::change::{CampaignId, OrgId, Sender, SourceName};
use mapping::Mapping;
use secrecy::SecretString;

use super::members::{MalformedSecret, Members};

/// The fewest bytes of a signing secret (github.com/standard-webhooks/standard-webhooks, "Signature
/// scheme": 24 to 64). A longer secret is no weaker, so it is accepted.
const FEWEST_BYTES: usize = 24;
const LONG_ENOUGH: &str = "at least one of 24 bytes or more, such as whsec_$(openssl rand -base64 24), since a shorter one \
                           lets nobody in";

/// How a sender shows who it is (docs/contract.md "Webhook"). Each of the secrets is accepted.
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

/// The secret of a source, read and checked.
#[derive(Clone, Debug)]
pub struct SourceSecret {
    /// How requests show that they are from the source.
    pub auth: Auth,
    /// The only org that it may write to. `None` allows any.
    pub org: Option<OrgId>,
    /// The only campaign that it may write to. `None` allows any.
    pub campaign: Option<CampaignId>,
    /// The campaigns that it may write to, by the value of the field that says where a person is.
    /// If there are none, each change names its campaign or `campaign` does.
    pub campaigns: Campaigns,
    /// The mapping that makes changes of what it sends. Without one, it sends changes.
    pub mapping: Option<Mapping>,
    /// What to do with an item that becomes no change.
    pub on_fault: OnFault,
}

/// What to do with an item that breaks a rule, or that the mapping makes no change of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFault {
    /// Refuse the request: nothing of it is queued.
    Refuse,
    /// Park the item, and queue the others.
    Park,
}

impl SourceSecret {
    /// Reads the JSON of a secret.
    ///
    /// # Errors
    /// The name of the first member that is missing, unknown, empty or not as expected.
    pub fn parse(text: &SecretString) -> Result<SourceSecret, MalformedSecret> {
        let mut members = Members::of(text)?;
        let auth = if members.begins_with("auth", '{') {
            of_object(&mut members)?
        } else {
            of_name(&mut members)?
        };
        let mapping = mapping(&mut members, &auth)?;
        let on_fault = members.text("onFault", "\"park\" or \"refuse\"", |text| match text {
            "park" => Some(OnFault::Park),
            "refuse" => Some(OnFault::Refuse),
            _ => None,
        })?;
        let by_default = match mapping {
            Some(_) => OnFault::Park,
            None => OnFault::Refuse,
        };
        let secret = SourceSecret {
            auth,
            campaigns: members
                .object("campaigns", Campaigns::read)?
                .unwrap_or_default(),
            mapping,
            on_fault: on_fault.unwrap_or(by_default),
            org: members.text("org", "1 to 32 characters of a-z, 0-9 and -", |org| {
                OrgId::parse(org).ok()
            })?,
            campaign: members.text(
                "campaignId",
                "1 to 48 characters of A-Z, a-z, 0-9 and -",
                |campaign| CampaignId::parse(campaign).ok(),
            )?,
        };
        members.end()?;
        match (
            secret.campaigns.is_empty(),
            &secret.campaign,
            &secret.mapping,
        ) {
            (true, ..) | (false, None, Some(_)) => Ok(secret),
            (false, ..) => Err(Members::wrong(
                "campaigns",
                "a mapping beside it, and no campaignId",
            )),
        }
    }

    /// The sender of its changes, with what they may leave out.
    pub fn sender(&self, source: SourceName) -> Sender {
        // If there are several campaigns, each change gets those that it goes to.
        let several = self.campaigns.ids();
        let campaign = self.campaign.as_ref().or(several.first().copied());
        Sender {
            source,
            org: self.org.clone(),
            campaign: campaign.cloned(),
        }
    }
}

/// Reads the mapping. It cannot read headers that show who sends.
fn mapping(members: &mut Members<'_>, auth: &Auth) -> Result<Option<Mapping>, MalformedSecret> {
    let mapping = members.json("mapping", |text| {
        Mapping::parse(text).map_err(|refused| refused.to_string())
    })?;
    let headers = mapping.iter().flat_map(Mapping::headers);
    for name in headers {
        match auth {
            auth if auth.signs_body() => return Err(Members::wrong("mapping", UNSIGNED_HEADERS)),
            Auth::Header(token) if token.name == name.as_str() => {
                return Err(Members::wrong("mapping", TOKEN_HEADER));
            }
            _ => {}
        }
    }
    Ok(mapping)
}

const TOKEN_HEADER: &str = "headers without the one that shows who sends";
const UNSIGNED_HEADERS: &str = "no headers beside a signature, which is not over them";

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
fn of_name(members: &mut Members<'_>) -> Result<Auth, MalformedSecret> {
    if members.begins_with("auth", '[') {
        return Err(Members::wrong(
            "auth",
            "one way to show who it is, not a list: of several the weakest would do",
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
fn of_object(members: &mut Members<'_>) -> Result<Auth, MalformedSecret> {
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

#[cfg(test)]
mod tests;
