//! `campaign-sync feed test`: shows what a page of a CRM's feed becomes, before reconcile compares
//! it.
//!
//! The request is made and the answer is read by the code of reconcile. `request` shows the request
//! without credentials, `refusals` keeps what a CRM says when it refuses, and `shown` prints the
//! result.

mod refusals;
mod request;
pub(crate) mod shown;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use domain::change::{CampaignId, Feed, OrgId};
use http::Response;
use io::genesys::Shared;
use io::http::Transport;
use io::queue::Sqs;
use io::secrets::{FeedSecret, SecretsManager};
use io::telemetry::Telemetry;
use io::{Chance, Clock, Config};
use jiff::Timestamp;
use reconcile::Context;
use reconcile::feed::Query;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::args::{self, ONE_OF_STDIN, Since};
use crate::connect;
use refusals::RefusalRecorder;
use shown::FeedTest;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync feed test --secret feed.json answer.json
  campaign-sync feed test --secret feed.json --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 --since 1h
  campaign-sync feed test --org acme-us --since 48h --page 2
  curl -s … | campaign-sync feed test --secret feed.json - --json | jq .faults

With a saved answer it sends no request. Without one it requests page after page from the CRM, up to the wanted one, with the
secret of --secret or the one stored for --org. It writes and compares nothing. It prints each request before it sends it,
without credentials, and without values whose name suggests a token or key. If the CRM refuses, it prints the status and the
beginning of the answer, also without secrets. The exit status is 0 if every item of the page becomes changes or is ignored, 1
if an item has a fault or the answer is no page, and 2 if the command could not run.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Shows the request for a page, what its items become, and where the next page is
    Test(Test),
}

#[derive(clap::Args)]
struct Test {
    /// An answer of the CRM, a file; - reads standard input. Without it the CRM is asked
    answer: Option<PathBuf>,
    /// The org whose feed is read. Without --secret its secret is read from Secrets Manager
    #[arg(long, value_parser = args::org)]
    org: Option<OrgId>,
    /// The JSON of a feed's secret, a file; - reads standard input
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// The campaign to ask for [default: the first one in the secret's campaigns]
    #[arg(long, value_name = "CAMPAIGN_ID", value_parser = args::campaign)]
    campaign: Option<CampaignId>,
    /// Asks only for what changed since this time, such as 2026-11-24T16:00:00Z, or since this long
    /// ago, such as 90m, 48h or 2d. Without it, asks for everything
    #[arg(long, value_parser = args::since, allow_hyphen_values = true)]
    since: Option<Since>,
    /// The number of the page to show, from 1
    #[arg(long, default_value_t = 1, value_parser = args::number::<u32>(1..=100_000), allow_hyphen_values = true, conflicts_with = "answer")]
    page: u32,
    /// Prints JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// Prints the result, and returns whether everything is right.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let Command::Test(test) = &args.command;
    let config = Config::from_env_without_queue().map_err(|error| error.to_string())?;
    crate::block_on(tested(test, config))
}

/// Stands for an org or a campaign that nobody named.
const MADE_UP: &str = "test";

async fn tested(args: &Test, config: Config) -> Result<bool, String> {
    let is_stdin = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    if is_stdin(&args.secret) && is_stdin(&args.answer) {
        return Err(format!("--secret - and ANSWER -: {ONE_OF_STDIN}"));
    }
    let now = Clock::system().now();
    let since = args
        .since
        .map_or(Ok(Timestamp::UNIX_EPOCH), |since| since.past(now))?;
    let (name, text) = secret_of(args, &config).await?;
    let secret = FeedSecret::parse(&text, config.genesys_base_url.is_some());
    let secret = secret.map_err(|error| format!("{name}: {error}"))?;
    let campaign = campaign_of(args, &text)?;
    let tried = TestedFeed {
        secret: &secret,
        text: &text,
        is_made_up: campaign.is_none(),
        feed: &Feed {
            org: args.org.clone().map_or_else(|| args::org(MADE_UP), Ok)?,
            campaign: campaign.map_or_else(|| args::campaign(MADE_UP), Ok)?,
            run: now,
        },
        since,
        is_json: args.json,
    };
    let found = match &args.answer {
        Some(path) => {
            let answer = args::file(path)?;
            tried.show_request(1, None)?;
            tried.saved(&answer, now)
        }
        None => tried.asked(config, args.page).await?,
    };
    crate::print(&if args.json {
        found.json().to_string()
    } else {
        found.text()
    })?;
    Ok(found.page.is_ok_and(|page| page.faulty.is_empty()))
}

/// The secret that the arguments name, with a name for it.
async fn secret_of(args: &Test, config: &Config) -> Result<(String, SecretString), String> {
    match (&args.secret, &args.org) {
        (Some(path), _) => Ok((args::name_of(path), SecretString::from(args::file(path)?))),
        (None, Some(org)) => stored(config, org).await,
        (None, None) => Err("expected --org or --secret".to_owned()),
    }
}

/// The campaign that is asked for. `None` means that nobody named one. A saved answer can be read
/// without one, since no CRM is asked.
fn campaign_of(args: &Test, secret: &SecretString) -> Result<Option<CampaignId>, String> {
    if let Some(campaign) = &args.campaign {
        return Ok(Some(campaign.clone()));
    }
    match first_campaign(secret) {
        Some(first) => args::campaign(&first).map(Some),
        None if args.answer.is_some() => Ok(None),
        None => Err("--campaign: expected one, as the secret names none in campaigns".to_owned()),
    }
}

/// The first campaign for which the secret has texts.
fn first_campaign(secret: &SecretString) -> Option<String> {
    let secret: Value = serde_json::from_str(secret.expose_secret()).ok()?;
    secret["campaigns"].as_object()?.keys().next().cloned()
}

async fn stored(config: &Config, org: &OrgId) -> Result<(String, SecretString), String> {
    let (_, sdk) = connect::clients().await?;
    let name = format!("{}/feed/{org}", config.secret_prefix);
    let text = connect::secret(&SecretsManager::new(&sdk), &name).await?;
    Ok((format!("secret {name}"), text))
}

/// The feed that is tested.
struct TestedFeed<'a> {
    secret: &'a FeedSecret,
    /// The secret as it is written.
    text: &'a SecretString,
    feed: &'a Feed,
    /// Whether nobody named the campaign.
    is_made_up: bool,
    since: Timestamp,
    is_json: bool,
}

impl TestedFeed<'_> {
    /// Prints the request before it is sent, so that a person sees it even if no answer comes.
    fn show_request(&self, number: u32, cursor: Option<&str>) -> Result<(), String> {
        // Without a request there is no page, and the result says why.
        match self.is_json || self.query(cursor).plain(self.secret).is_err() {
            true => Ok(()),
            false => crate::print(&shown::asks(self, number, cursor)),
        }
    }

    fn query<'q>(&'q self, cursor: Option<&'q str>) -> Query<'q> {
        Query {
            feed: self.feed,
            since: self.since,
            cursor,
        }
    }

    /// The result for a saved answer. It counts as the first page.
    fn saved(&self, answer: &str, now: Timestamp) -> FeedTest<'_> {
        let query = self.query(None);
        let answer = Response::new(Bytes::from(answer.to_owned()));
        let page = query
            .plain(self.secret)
            .and_then(|plain| reconcile::feed::read(self.secret, &query, &plain.url, &answer, now));
        FeedTest {
            tried: self,
            number: 1,
            cursor: None,
            page,
            refusal: None,
        }
    }

    /// Asks the CRM for pages, up to this number.
    async fn asked(&self, config: Config, number: u32) -> Result<FeedTest<'_>, String> {
        let (https, sdk) = connect::clients().await?;
        let shared = Shared {
            transport: Arc::new(https.clone()),
            secrets: Arc::new(SecretsManager::new(&sdk)),
            clock: Clock::system(),
            chance: Chance::of_process(),
            telemetry: Telemetry::from_fn(|_| ()),
            config,
        };
        let crm = RefusalRecorder::new(https, self.text);
        let queue = Arc::new(Sqs::new(&sdk));
        let context = Context::new(shared, queue, Arc::clone(&crm) as Arc<dyn Transport>);
        let mut cursor = None;
        for page in 1.. {
            self.show_request(page, cursor.as_deref())?;
            let query = self.query(cursor.as_deref());
            let answered = context.page(self.secret, &query, None).await;
            let next = match answered {
                Ok(answered) if page < number => answered.next,
                answered => {
                    return Ok(FeedTest {
                        tried: self,
                        number: page,
                        cursor,
                        refusal: crm.last().filter(|_| answered.is_err()),
                        page: answered,
                    });
                }
            };
            if next.is_none() {
                return Err(format!(
                    "there is no page {number}: the feed ends with page {page}"
                ));
            }
            if next == cursor {
                return Err(format!(
                    "page {page} leads to itself: its next cursor is the cursor of its request"
                ));
            }
            cursor = next;
        }
        Err("there is no such page".to_owned())
    }
}
