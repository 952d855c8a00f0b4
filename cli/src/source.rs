//! `campaign-sync source`: shows what a source's webhooks become, on this machine and before
//! anything is sent.
//!
//! `examine` reads a webhook by the code of ingest, and `shown` prints the result. `refused` says
//! when ingest refuses a request as a whole, and `credentials` finds the credentials in it.

mod credentials;
mod examine;
mod refused;
mod shown;

use std::path::{Path, PathBuf};

use domain::change::SourceName;
use http::{HeaderName, HeaderValue};
use ingest::webhook::Unmapped;
use io::Clock;
use io::config::Config;
use io::secrets::{SecretsManager, SourceSecret};
use jiff::Timestamp;
use mapping::{preset, presets};
use secrecy::SecretString;

use crate::args::{self, ONE_OF_STDIN};
use crate::connect;
use crate::webhook::curl;
pub(crate) use examine::{TestRequest, examine, examine_parked, signed};
pub(crate) use shown::SourceTest;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync source preset
  campaign-sync source preset hubspot > hubspot.jq
  campaign-sync source preset salesforceRecord    # what a feed reads
  campaign-sync source test --secret source.json body.json
  campaign-sync source test --source hubspot body.json --header 'x-hubspot-signature-v3: …' --at 2026-11-24T16:00:00Z
  campaign-sync source test --secret source.json body.json --sign \"$URL\" | sh

It sends nothing. Only the headers that the source's auth reads authenticate the sender. The exit status is 0 when the webhook would
be let in, or holds no credentials at all, and all of it becomes changes or is ignored; 1 when not; 2 when the command could not run.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Prints the program of a preset, which you can edit and use as jq in a mapping; without a
    /// name, lists the presets
    Preset {
        /// The preset's name
        name: Option<String>,
    },
    /// Shows whether a webhook would be let in, and what its body becomes: changes, nothing, or
    /// faults
    Test(Test),
}

#[derive(clap::Args)]
struct Test {
    /// The body, a file; - reads standard input. What `dlq show ID --body` prints of an unmapped
    /// item is read as redrive would read it
    body: PathBuf,
    /// The source. Without --secret its secret is read from Secrets Manager
    #[arg(long, value_parser = args::source)]
    source: Option<SourceName>,
    /// The JSON of a source's secret, a file; - reads standard input
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// A header of the request; may be given several times. Give those that authenticate the
    /// sender, and those that the mapping reads
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The query of the request's URL, percent-encoded
    #[arg(long, default_value = "", hide_default_value = true)]
    query: String,
    /// The time of the request, for a signature with a time [default: now]
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    at: Option<Timestamp>,
    /// Prints only a curl command that sends the body to this URL as the source would
    #[arg(long, value_name = "URL", value_parser = args::endpoint)]
    sign: Option<String>,
    /// Prints JSON instead of tables
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
    if args.secret.as_deref() == Some(Path::new("-")) && args.body == Path::new("-") {
        return Err(format!("--secret - and BODY -: {ONE_OF_STDIN}"));
    }
    let (name, text) = match (&args.secret, &args.source) {
        (Some(path), _) => (args::name_of(path), args::file(path)?),
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
    let asked = TestRequest {
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

/// Prints the result, and returns whether everything is right.
fn tell(found: &SourceTest<'_>, is_json: bool) -> Result<bool, String> {
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

async fn stored(source: &SourceName) -> Result<(String, String), String> {
    let config = Config::from_env_without_queue().map_err(|error| error.to_string())?;
    let (_, sdk) = connect::clients().await?;
    let name = format!("{}/source/{source}", config.secret_prefix);
    let text = connect::secret(&SecretsManager::new(&sdk), &name).await?;
    Ok((
        format!("secret {name}"),
        secrecy::ExposeSecret::expose_secret(&text).to_owned(),
    ))
}
