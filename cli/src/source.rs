//! `campaign-sync source`: shows what a source's webhooks become, on this machine and before
//! anything is sent.
//!
//! A webhook is read by the code of ingest. `shown` prints the result, `whole` says when ingest
//! refuses a request as a whole, and `shows` finds the credentials in it.

mod shown;
mod shows;
mod whole;

use std::borrow::Cow;
use std::path::PathBuf;

use domain::change::{Fault, Sender, SourceName};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ingest::auth::{self, Sent, Shown, Verdict};
use ingest::body;
use ingest::cloud_event::Form;
use ingest::webhook::{self, Body, Reading, Unmapped};
use io::Clock;
use io::config::Config;
use io::secrets::{Secrets, SecretsManager, SourceSecret};
use jiff::Timestamp;
use mapping::{Mapping, preset, presets};
use secrecy::SecretString;

use crate::args;
use crate::webhook::curl;
pub(crate) use shown::Found;
use whole::Refused;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync source preset
  campaign-sync source preset hubspot > hubspot.jq
  campaign-sync source preset salesforceRecord    # what a feed reads
  campaign-sync source test --secret source.json body.json
  campaign-sync source test --source hubspot body.json --header 'x-hubspot-signature-v3: …' --at 2026-11-24T16:00:00Z
  campaign-sync source test --secret source.json body.json --sign \"$URL\" | sh

Nothing is sent by it. Who sends is shown by what the source's auth reads, and by no other header. The exit status is 0 when the
webhook would be let in, or nothing was shown of who sends it, and all of it becomes changes or is ignored; 1 when not; 2 when the
command could not run.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Prints the program of a preset, to be changed and used as jq in a mapping; without a
    /// name, prints the presets' names
    Preset {
        /// The preset's name
        name: Option<String>,
    },
    /// Tells whether a webhook is let in, and what its body becomes: changes, nothing, or
    /// faults
    Test(Test),
}

#[derive(clap::Args)]
struct Test {
    /// The body, in a file or, by -, standard input. What `dlq show ID --body` prints of an unmapped item is
    /// read as redrive would read it
    body: PathBuf,
    /// The source. Without --secret its secret is read from Secrets Manager
    #[arg(long, value_parser = args::source, required_unless_present = "secret")]
    source: Option<SourceName>,
    /// The JSON of a source's secret, in a file or, by -, standard input
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// A header of the request; may be given several times. Give those that authenticate the
    /// sender, and those that the mapping reads
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The query of the request's URL, percent-encoded
    #[arg(long, default_value = "", hide_default_value = true)]
    query: String,
    /// When the request came, for a signature that has a time; without it, now
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    at: Option<Timestamp>,
    /// Prints only a curl command that sends the body to this URL as the source would
    #[arg(long, value_name = "URL")]
    sign: Option<String>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    const EXPECTED: &str = "expected a name, a colon or =, and a value";
    let (name, value) = text.split_once([':', '=']).ok_or(EXPECTED)?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| EXPECTED)?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| EXPECTED)?;
    Ok((name, value))
}

/// Prints the result, and returns whether everything is right.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    match &args.command {
        Command::Preset { name: None } => {
            let names: Vec<_> = presets().collect();
            crate::print(&names.join("\n")).map(|()| true)
        }
        Command::Preset { name: Some(name) } => {
            let program = preset(name);
            let program = program.ok_or_else(|| {
                let names: Vec<_> = presets().collect();
                format!(
                    "{name}: there is no such preset: expected one of {}",
                    names.join(", ")
                )
            })?;
            crate::print(program.trim_end()).map(|()| true)
        }
        Command::Test(args) => test(args),
    }
}

fn test(args: &Test) -> Result<bool, String> {
    let (name, text) = match (&args.secret, &args.source) {
        (Some(path), _) => (path.display().to_string(), args::file(path)?),
        (None, Some(source)) => crate::block_on(stored(source))?,
        (None, None) => return Err("expected --source or --secret".to_owned()),
    };
    let secret = SourceSecret::parse(&SecretString::from(text));
    let secret = secret.map_err(|error| format!("{name}: {error}"))?;
    let body = args::file(&args.body)?;
    let now = args.at.unwrap_or_else(|| Clock::system().now());
    if let Ok(parked) = Unmapped::parse(&body) {
        return parked_item(&parked, &secret, args, now);
    }
    let source = match &args.source {
        Some(source) => source.clone(),
        None => args::source("test")?,
    };
    let asked = Asked {
        source,
        given: &args.headers,
        query: &args.query,
        body: &body,
        now,
    };
    if let Some(url) = &args.sign {
        let (media_type, sent) = signed(&secret, &asked)?;
        return crate::print(&curl(url, &media_type, &sent)).map(|()| true);
    }
    examine(&secret, &asked, |found| tell(found, args.json))
}

/// A request as it would come to ingest.
pub(crate) struct Asked<'a> {
    pub(crate) source: SourceName,
    /// The headers of the request.
    pub(crate) given: &'a [(HeaderName, HeaderValue)],
    pub(crate) query: &'a str,
    pub(crate) body: &'a str,
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// The headers of the request. If no media type is given, the one that most senders use is
    /// added.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in self.given {
            headers.append(name.clone(), value.clone());
        }
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
        headers
    }
}

/// Finds out whether a request is let in, and what its body becomes. An item that ingest parked is
/// read as redrive would read it.
pub(crate) fn examine<R>(
    secret: &SourceSecret,
    asked: &Asked<'_>,
    tell: impl FnOnce(&Found<'_>) -> R,
) -> R {
    let headers = asked.headers();
    let sender = secret.sender(asked.source.clone());
    let form = body::form(&headers, asked.body.as_bytes()).map_err(Refused::from);
    let verdict = verdict(secret, asked, &headers);
    // If the request holds no credentials, there are none to take out of the body.
    let content = match verdict {
        None => Cow::Borrowed(asked.body),
        Some(_) => auth::content(&secret.auth, asked.body),
    };
    let read = form.and_then(|form| taken(secret, &sender, (&form, &headers, &content), asked.now));
    let (items, reading, refused) = match read {
        Ok((items, reading)) => (items, reading, None),
        Err(refused) => (Vec::new(), Reading::default(), Some(refused)),
    };
    let unread = unread(secret, asked.given);
    tell(&Found {
        way: crate::check::way(&secret.auth),
        verdict,
        unread: &unread,
        refused: refused.as_ref(),
        on_fault: secret.on_fault,
        items: &items,
        reading: &reading,
    })
}

/// The changes that a body becomes, and the place of each of its items.
fn taken(
    secret: &SourceSecret,
    sender: &Sender,
    (form, headers, text): (&Result<Form, Fault>, &HeaderMap, &str),
    now: Timestamp,
) -> Result<(Vec<String>, Reading), Refused> {
    let body = Body {
        form,
        text,
        headers,
    };
    let taken = webhook::take_apart(secret, sender, &body, now)?;
    let pointers = taken.items.into_iter().map(|item| item.pointer);
    Ok((pointers.collect(), taken.reading))
}

/// Prints the result, and returns whether everything is right.
fn tell(found: &Found<'_>, is_json: bool) -> Result<bool, String> {
    crate::print(&if is_json {
        found.json().to_string()
    } else {
        found.text()
    })?;
    let is_well = found.refused.is_none() && found.reading.faulty.is_empty();
    Ok(found.is_let_in() && is_well)
}

/// The result for an item that ingest parked, as redrive would find it.
fn parked_item(
    parked: &Unmapped,
    secret: &SourceSecret,
    args: &Test,
    now: Timestamp,
) -> Result<bool, String> {
    if args.sign.is_some() || !args.headers.is_empty() || !args.query.is_empty() {
        return Err(
            "a parked item holds all that is known of its request: expected no --sign, --header or --query"
                .to_owned(),
        );
    }
    let source = parked.source();
    let source = source.map_err(|expected| format!("the parked item's source: {expected}"))?;
    if let Some(given) = args.source.as_ref().filter(|given| **given != source) {
        return Err(format!(
            "--source {given}: the parked item is of source {source}"
        ));
    }
    examine_parked(parked, secret, &source, now, |found| tell(found, args.json))
}

/// Finds out what an item that ingest parked becomes now.
pub(crate) fn examine_parked<R>(
    parked: &Unmapped,
    secret: &SourceSecret,
    source: &SourceName,
    now: Timestamp,
    tell: impl FnOnce(&Found<'_>) -> R,
) -> R {
    let (items, reading) = parked.read_again(secret, &secret.sender(source.clone()), now);
    tell(&Found {
        way: crate::check::way(&secret.auth),
        verdict: None,
        unread: &[],
        refused: None,
        on_fault: secret.on_fault,
        items: &items,
        reading: &reading,
    })
}

/// Headers that were given, but that neither the source's auth nor its mapping reads.
fn unread<'a>(
    secret: &SourceSecret,
    given: &'a [(HeaderName, HeaderValue)],
) -> Vec<&'a HeaderName> {
    let of_auth = auth::headers(&secret.auth);
    let of_mapping = secret.mapping.as_ref().map(Mapping::headers);
    let is_read = |name: &HeaderName| {
        of_auth.contains(name)
            || *name == CONTENT_TYPE
            || name.as_str().starts_with(ingest::cloud_event::PREFIX)
            || of_mapping.is_some_and(|names| names.iter().any(|read| read == name.as_str()))
    };
    let given = given.iter().map(|(name, _)| name);
    given.filter(|name| !is_read(name)).collect()
}

/// The media type of a request, and the request as the source would send it, with all other given
/// headers.
///
/// A body that ingest would refuse is an error.
pub(crate) fn signed(secret: &SourceSecret, asked: &Asked<'_>) -> Result<(String, Sent), String> {
    let headers = asked.headers();
    let sender = secret.sender(asked.source.clone());
    let form = body::form(&headers, asked.body.as_bytes()).map_err(Refused::from);
    let form = form.map_err(|refused| refused.to_string())?;
    let taken = taken(secret, &sender, (&form, &headers, asked.body), asked.now);
    taken.map_err(|refused| refused.to_string())?;
    let text = |name: &HeaderName, value: &HeaderValue| {
        let text = value.to_str().map(str::to_owned);
        text.map_err(|_| format!("{name}: expected visible ASCII"))
    };
    let mut sent = auth::sent(&secret.auth, asked.body, asked.now)?;
    let of_auth = auth::headers(&secret.auth);
    let others = asked.given.iter().filter(|(name, _)| {
        // The HTTP client sets the last three by itself.
        !of_auth.contains(name) && ![CONTENT_TYPE, CONTENT_LENGTH, HOST].contains(name)
    });
    for (name, value) in others {
        sent.headers.push((name.to_string(), text(name, value)?));
    }
    let media_type = text(&CONTENT_TYPE, &headers[CONTENT_TYPE])?;
    Ok((media_type, sent))
}

async fn stored(source: &SourceName) -> Result<(String, String), String> {
    let config = Config::from_env_without_queue().map_err(|error| error.to_string())?;
    let (_, sdk) = crate::connect::clients().await?;
    let name = format!("{}/source/{source}", config.secret_prefix);
    let text = SecretsManager::new(&sdk).read(&name).await;
    let text = text.map_err(|error| format!("secret {name}: {error}"))?;
    Ok((
        format!("secret {name}"),
        secrecy::ExposeSecret::expose_secret(&text).to_owned(),
    ))
}

/// Whether the request is let in. `None` means that it holds no credentials.
fn verdict(secret: &SourceSecret, asked: &Asked<'_>, headers: &HeaderMap) -> Option<Verdict> {
    let verdict = auth::judge(
        &secret.auth,
        &Shown {
            method: &Method::POST,
            headers,
            query: asked.query,
            body: asked.body.as_bytes(),
            now: asked.now,
        },
    );
    let is_shown = shows::is_shown(&secret.auth, headers, asked.query, &verdict);
    is_shown.then_some(verdict)
}
