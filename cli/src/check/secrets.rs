//! Checks the secrets of an org, of its CRM's feed and of sources, and says what each holds.
//!
//! Only the secrets are read here; no call of Genesys Cloud is made. What each secret may hold is
//! defined in `io::secrets`, and errors quote no value of it.

use domain::change::{OrgId, SourceName, VersionFrom};
use domain::channel::OptOut;
use domain::dnc::DncBy;
use domain::rules::{Rules, VersionUnit};
use domain::version::Raise;
use http::HeaderMap;
use ingest::cloud_event::Form;
use ingest::webhook;
use io::secrets::{
    Algorithm, Api, Auth, FeedSecret, MalformedSecret, OrgSecret, Scheme, Secrets, SecretsError,
    SecretsManager, SourceSecret,
};
use io::{Clock, Config};
use secrecy::{ExposeSecret, SecretString};

use super::Findings;
use crate::connect::DENIED;
use crate::feed::shown::FOR_ALL;
use crate::table::counted;

/// How to replace signing secrets that are too short without losing webhooks that are signed with
/// them meanwhile.
const SHORT: &str = "shorter than 24 bytes, and what is signed with it is answered 503: put one of \
                     whsec_$(openssl rand -base64 24) beside it, let the sender sign with that, then take the short one out";

/// The rules of an org, if its secret is right.
pub(super) async fn org(
    org: &OrgId,
    config: &Config,
    secrets: &SecretsManager,
    findings: &mut Findings,
) -> Option<OrgSecret> {
    let (what, text) = read("org", org.as_str(), config, secrets).await;
    let rules = text
        .map_err(|error| why(error, "docs/deploy.md \"Add an org\""))
        .and_then(|text| OrgSecret::parse(&text).map_err(malformed));
    let seen = rules.as_ref().map(seen_of_org).map_err(String::clone);
    findings.add(what, seen);
    rules.ok()
}

fn seen_of_org(secret: &OrgSecret) -> String {
    let api = match secret.api {
        Api::Predictive => "predictive",
        Api::ContactLists => "contactLists",
    };
    let channels = match secret.rules.opt_out {
        OptOut::Voice => "",
        OptOut::All => ", an opt-out lowers every channel",
    };
    format!(
        "api {api}, {}, {} a minute{channels}{}",
        ranks(&secret.rules),
        counted(secret.calls_per_minute.into(), "call"),
        dnc_list(&secret.rules)
    )
}

fn dnc_list(rules: &Rules) -> String {
    let Some(list) = &rules.dnc_list else {
        return String::new();
    };
    let what = match &list.by {
        DncBy::ContactKey => "the contact key",
        DncBy::Phone { column } => &format!("the number in {column}"),
    };
    let id = list.id.as_str();
    format!(", {what} of an opt-out is put on DNC list {id}")
}

fn ranks(rules: &Rules) -> String {
    let Some(column) = &rules.version_field else {
        return "no ranks: the queue's order alone decides, and an opt-in raises also whom the dialler made not callable".to_owned();
    };
    let what = match (rules.version_from, rules.version_unit) {
        (VersionFrom::OccurredAt, _) => "occurredAt",
        (VersionFrom::Version, None) => "version",
        (VersionFrom::Version, Some(VersionUnit::Seconds)) => "version, a time in seconds,",
        (VersionFrom::Version, Some(VersionUnit::Milliseconds)) => {
            "version, a time in milliseconds,"
        }
        (VersionFrom::Version, Some(VersionUnit::Microseconds)) => {
            "version, a time in microseconds,"
        }
    };
    let raise = match rules.raise {
        Raise::Own => "own",
        Raise::Always => "always",
        Raise::Never => "never",
    };
    format!("{what} is stored in {column}, raise {raise}")
}

/// Checks the secret of a feed. Only an org that reconcile compares has one. The org has at least
/// `campaigns` campaigns.
pub(super) async fn feed(
    org: &OrgId,
    campaigns: usize,
    config: &Config,
    secrets: &SecretsManager,
    findings: &mut Findings,
) {
    let (what, text) = read("feed", org.as_str(), config, secrets).await;
    if let Err(SecretsError::Missing) = text {
        return findings.skip(
            &what,
            "the secret does not exist, so reconcile cannot run for this org",
        );
    }
    let is_local = config.genesys_base_url.is_some();
    let found = text
        .map_err(|error| why(error, "docs/reconciliation.md \"The feed\""))
        .and_then(|text| FeedSecret::parse(&text, is_local).map_err(malformed));
    let for_all = found
        .as_ref()
        .ok()
        .filter(|secret| !secret.asks_for_a_campaign());
    let for_all = for_all.map(|secret| campaigns.max(secret.campaigns()));
    findings.add(what.as_str(), found.map(|secret| secret.seen()));
    match for_all {
        Some(several) if several > 1 => findings.note(
            &what,
            format!("{FOR_ALL}, and there are {several}: give the request a placeholder"),
        ),
        Some(_) => findings.note(&what, FOR_ALL.to_owned()),
        None => {}
    }
}

/// Checks the secret of a source.
pub(super) async fn source(
    source: &SourceName,
    config: &Config,
    secrets: &SecretsManager,
    findings: &mut Findings,
) {
    let (what, text) = read("source", source.as_str(), config, secrets).await;
    let secret = text
        .map_err(|error| why(error, "docs/deploy.md \"Add a source\""))
        .and_then(|text| SourceSecret::parse(&text).map_err(malformed));
    let short = secret
        .as_ref()
        .map_or(0, |secret| short_tokens(&secret.auth));
    let found = secret
        .and_then(|secret| match secret.auth.short_secrets() {
            0 => Ok(secret),
            short => Err(format!("{short} of its signing secrets is {SHORT}")),
        })
        .and_then(|secret| {
            let mapping = seen_of_mapping(&secret, source)?;
            Ok(format!("{}{mapping}", seen_of_source(&secret)))
        });
    findings.add(what.as_str(), found);
    if short > 0 {
        let tokens = counted(short as u64, "bearer token");
        findings.note(
            &what,
            format!("{tokens} shorter than 16 bytes: let the sender use one that nobody guesses, such as $(openssl rand -hex 16)"),
        );
    }
}

/// How many bearer tokens are so short that they may be guessed.
fn short_tokens(auth: &Auth) -> usize {
    match auth {
        Auth::Bearer(tokens) => {
            let is_short = |token: &&SecretString| token.expose_secret().len() < 16;
            tokens.iter().filter(is_short).count()
        }
        _ => 0,
    }
}

/// How requests of a source are authenticated.
pub(crate) fn way(auth: &Auth) -> String {
    match auth {
        Auth::StandardWebhooks(_) => "signing secrets".to_owned(),
        Auth::Bearer(_) => "bearer tokens".to_owned(),
        Auth::Signature(signature) => seen_of_scheme(&signature.scheme),
        Auth::Basic(_) => "authorization: Basic, passwords".to_owned(),
        Auth::Header(token) => format!("tokens in the header {}", token.name),
        Auth::Query(token) => format!("tokens in the query, as {}", token.name),
        Auth::Body(token) => format!("tokens in the body, at /{}", token.path.join("/")),
    }
}

fn seen_of_source(secret: &SourceSecret) -> String {
    let auth = format!("{}: {}", way(&secret.auth), secret.auth.secrets());
    let org = secret.org.as_ref().map_or("any org", OrgId::as_str);
    let campaign = match (&secret.campaign, secret.campaigns.ids().len()) {
        (Some(campaign), _) => campaign.as_str().to_owned(),
        (None, 0) => "any campaign".to_owned(),
        (None, several) => counted(several as u64, "campaign"),
    };
    format!("{auth}; its changes go to {org}, {campaign}")
}

/// Says what the mapping makes of the sample in the secret.
fn seen_of_mapping(secret: &SourceSecret, source: &SourceName) -> Result<String, String> {
    let Some(mapping) = &secret.mapping else {
        return Ok(String::new());
    };
    let name = mapping.name();
    let Some(sample) = mapping.sample() else {
        return Ok(format!("; mapping {name}, without a sample to try it with"));
    };
    // If the program asks for the form, the sample has the form that its text suggests.
    let form = match mapping.program().contains("$cloudevent") {
        true => Form::of_text(sample),
        false => Form::Plain,
    };
    let body = webhook::Body {
        form: &Ok(form),
        text: sample,
        headers: &HeaderMap::new(),
    };
    let sender = secret.sender(source.clone());
    let taken = webhook::take_apart(secret, &sender, &body, Clock::system().now());
    let (made, faults) = match taken {
        Ok(taken) => (taken.reading.changes.len(), taken.reading.into_faults()),
        Err(faults) => (0, faults),
    };
    let changes = counted(made as u64, "change");
    match faults.first() {
        None => Ok(format!(
            "; mapping {name}, of whose sample it makes {changes}"
        )),
        Some(fault) => Err(format!(
            "its mapping does not know its own sample ({}): try it with campaign-sync source test",
            fault.message
        )),
    }
}

fn seen_of_scheme(scheme: &Scheme) -> String {
    let algorithm = match scheme.algorithm {
        Algorithm::HmacSha256 => "hmac-sha256",
        Algorithm::HmacSha512 => "hmac-sha512",
        Algorithm::HmacSha1 => "hmac-sha1",
        Algorithm::Sha256 => "sha256",
    };
    let lasts = match &scheme.time {
        Some(time) => format!("good for {} s", time.tolerance),
        None => {
            "without a time, so somebody who overhears a request can send it again later".to_owned()
        }
    };
    format!(
        "signatures ({algorithm}) in the header {}, {lasts}, secrets",
        scheme.header
    )
}

/// The name of a secret, and its text.
async fn read(
    kind: &str,
    name: &str,
    config: &Config,
    secrets: &SecretsManager,
) -> (String, Result<SecretString, SecretsError>) {
    let name = format!("{}/{kind}/{name}", config.secret_prefix);
    (format!("secret {name}"), secrets.read(&name).await)
}

/// Says what is wrong and what to do. `how` names the document that says how to make such a secret.
fn why(error: SecretsError, how: &str) -> String {
    match error {
        SecretsError::Missing => format!(
            "there is none in this account and region: create it ({how}), or set SECRET_PREFIX as the stack has it"
        ),
        SecretsError::Denied => DENIED.to_owned(),
        SecretsError::Unavailable => {
            "Secrets Manager does not answer: look at AWS_REGION, your credentials (aws sts get-caller-identity) and the network"
                .to_owned()
        }
        SecretsError::PendingDeletion
        | SecretsError::NoCurrentVersion
        | SecretsError::NoText
        | SecretsError::NotAsked(_) => error.to_string(),
    }
}

fn malformed(error: MalformedSecret) -> String {
    format!("{error}: put it right with aws secretsmanager put-secret-value")
}
