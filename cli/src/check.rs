//! `campaign-sync check`: prints one line for each thing that must be right before an org goes
//! live.
//!
//! This file reads arguments, and collects and prints the `findings`. Each group of checks is in a
//! module of its own: `secrets` reads the secrets, `campaign` looks at campaigns, and `probe` finds
//! out on a spare contact list what Genesys Cloud does.

mod campaign;
mod contact;
mod dnc;
mod findings;
mod probe;
mod queues;
mod secrets;

pub(crate) use findings::Findings;
pub(crate) use secrets::way;

use queues::Queues;

use std::sync::Arc;

use domain::change::{CampaignId, ContactKey, OrgId, SourceName};
use io::Config;
use io::config::DlqConfig;
use io::genesys::{Failure, Kind, Org, Run};
use io::secrets::{OrgSecret, SecretsManager};
use jiff::SignedDuration;

use crate::connect::{self, Watched};
use crate::{args, one_contact};

#[derive(clap::Args)]
#[command(next_line_help = true)]
#[command(group(clap::ArgGroup::new("whose").args(["org", "sources"]).required(true).multiple(true)))]
#[command(after_help = "Examples:
  campaign-sync check --org acme-us
  campaign-sync check --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11
  campaign-sync check --org acme-us --campaign 5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11 \\
    --apply-timeout 30 --contact LEAD-00042
  campaign-sync check --source crm
  campaign-sync check --org acme-us --probe 8b1f2c34-5d6e-4f70-8a91-b2c3d4e5f607

Without --probe it changes nothing: it tests the right to write contacts without writing one.
It takes at most eight calls of the org's budget for each campaign, and one more for each contact
and for the org's DNC list.

With --probe it finds out what this organisation's Genesys Cloud does where its documentation is
silent, such as whether an opted-out contact stays not callable when an update does not mention
callable. It prints each answer beside what campaign-sync assumes. It takes about 30 calls. It
creates at most 14 contacts, none of them callable, without numbers or addresses, and deletes them,
also after Ctrl-C.
The list must be empty, no campaign may draw on it, and it needs two columns of plain text.

It reads the environment: QUEUE_URL and DEAD_LETTER_QUEUE_URL are required, except with --probe;
SECRET_PREFIX and, in local runs, GENESYS_BASE_URL may be set. AWS credentials and region come from
where the AWS SDK looks for them (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …). It uses your own
credentials, not those of the functions; template.yaml has their rights.

The exit status is 0 when everything is right, 1 when something is not, 2 when the command could
not run.")]
pub(crate) struct Args {
    /// The org; names the secrets {prefix}/org/{org} and, if reconcile reads a feed,
    /// {prefix}/feed/{org}
    #[arg(long, value_parser = args::org, verbatim_doc_comment)]
    org: Option<OrgId>,
    /// A campaign to check; may be given several times
    #[arg(long = "campaign", value_name = "CAMPAIGN_ID", value_parser = args::campaign, requires = "org")]
    campaigns: Vec<CampaignId>,
    /// The key of a contact: checks its stored rank in each campaign, and whether it has an
    /// entry for the org's DNC list; may be given several times. - reads keys from standard
    /// input, one a line
    #[arg(
        long = "contact",
        value_name = "KEY",
        requires = "campaigns",
        verbatim_doc_comment
    )]
    contacts: Vec<String>,
    /// A sender of webhooks, whose secret is {prefix}/source/{source}; may be given several times
    #[arg(long = "source", value_name = "SOURCE", value_parser = args::source)]
    sources: Vec<SourceName>,
    /// A contact list that is used for nothing else: finds out on it what Genesys Cloud does
    /// where its documentation is silent, and checks nothing else
    #[arg(long, value_name = "LIST_ID", verbatim_doc_comment, value_parser = list, requires = "org", conflicts_with_all = ["campaigns", "contacts", "sources", "apply_timeout"])]
    probe: Option<String>,
    /// The timeout of apply: the stack's parameter `ApplyTimeoutSeconds`
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = args::number_of::<u64>("seconds", 1..=900), allow_hyphen_values = true)]
    apply_timeout: u64,
    /// Prints one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// If the clock is wrong by more than this, signatures and times are doubtful.
const CLOCK: SignedDuration = SignedDuration::from_secs(60);

/// Runs the command, prints its result, and returns whether everything is right.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    if let Some(list) = &args.probe {
        let org = args.org.as_ref().ok_or("--probe needs --org")?;
        return probe::run(org, list, args.json);
    }
    let (config, dlq) = DlqConfig::from_env_with_genesys().map_err(|error| error.to_string())?;
    let contacts = one_contact::keys(&args.contacts)?;
    let findings = crate::block_on(check(args, &contacts, &config, &dlq))?;
    crate::print(&if args.json {
        findings.json()
    } else {
        findings.text()
    })?;
    Ok(findings.is_right())
}

async fn check(
    args: &Args,
    contacts: &[ContactKey],
    config: &Config,
    dlq: &DlqConfig,
) -> Result<Findings, String> {
    let (https, sdk) = connect::clients().await?;
    let secrets = SecretsManager::new(&sdk);
    let mut findings = Findings::default();
    let queues = Queues::read(&sdk, dlq).await;
    if let Some(why) = queues.not_set_up() {
        findings.add("AWS", Err(why.to_string()));
        let orgs = args.org.iter().map(|org| format!("org {org}"));
        let sources = args.sources.iter().map(|source| format!("source {source}"));
        for what in orgs.chain(sources).chain(["queues".to_owned()]) {
            findings.skip(&what, "AWS cannot be asked");
        }
        return Ok(findings);
    }
    if let Some(org) = &args.org {
        if let Some(secret) = secrets::org(org, config, &secrets, &mut findings).await {
            let watched = Watched::new(https);
            let connect = || connect::org(config.clone(), &sdk, Arc::clone(&watched) as _, org);
            let looked_at = (args.campaigns.as_slice(), contacts);
            genesys(looked_at, &secret, &connect, &watched, &mut findings).await;
        }
        let several = args.campaigns.len();
        secrets::feed(org, several, config, &secrets, &mut findings).await;
    }
    for source in &args.sources {
        secrets::source(source, config, &secrets, &mut findings).await;
    }
    queues.check(args.apply_timeout, &mut findings);
    Ok(findings)
}

/// Checks the login, the clock and the campaigns of an org.
async fn genesys(
    (campaigns, contacts): (&[CampaignId], &[ContactKey]),
    secret: &OrgSecret,
    connect: &dyn Fn() -> Arc<Org>,
    watched: &Watched,
    findings: &mut Findings,
) {
    let login = connect().open(&Run::patient(None)).await;
    let is_in = login.is_ok();
    findings.add(
        "token",
        login
            .map(|_| "the OAuth client can log in".to_owned())
            .map_err(|failure| token(&failure)),
    );
    if let Some(ahead) = watched.seen().ahead {
        findings.add("clock", clock(ahead));
    }
    let dnc = match &secret.rules.dnc_list {
        Some(list) if is_in => dnc::check(list, &connect(), findings).await,
        _ => None,
    };
    for campaign in campaigns.iter().filter(|_| is_in) {
        // A call that is refused for one campaign must not stop the calls for the next.
        campaign::check(campaign, secret, dnc.as_ref(), connect, findings).await;
        contact::check(
            campaign,
            contacts,
            secret,
            dnc.as_ref(),
            connect(),
            findings,
        )
        .await;
    }
    if is_in && campaigns.is_empty() {
        findings.skip(
            "campaigns",
            "name one with --campaign to look at permissions, columns and lists",
        );
    }
}

/// Accepts only an id of the form that the service uses, because the id becomes part of a path.
fn list(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err("expected 1 to 64 characters of A-Z, a-z, 0-9 and -".to_owned())
}

fn token(failure: &Failure) -> String {
    let to_do = match failure.kind {
        Kind::Refused => {
            "they must be those of an OAuth client of grant type client credentials that is active"
        }
        Kind::Throttled { .. } | Kind::BudgetSpent { .. } => "try again in a minute",
        _ => {
            "Genesys Cloud's login host is not reached: look at the network (no proxy variable is read), the CA certificates and its status page"
        }
    };
    format!("{failure}: {to_do}")
}

fn clock(ahead: SignedDuration) -> Result<String, String> {
    let seconds = ahead.as_secs();
    if ahead.abs() <= CLOCK {
        return Ok(format!("{seconds} s ahead of Genesys Cloud's"));
    }
    Err(format!(
        "this machine's clock is {seconds} s ahead of Genesys Cloud's: set it by NTP; webhooks that are signed by such a clock \
         are refused beyond 60 s ahead or 180 s behind"
    ))
}

fn needs(failure: &Failure, permissions: &str) -> String {
    let to_do = match failure.kind {
        Kind::Refused => {
            format!(
                "give the OAuth client a role with the permission {permissions}, in the campaign's division"
            )
        }
        Kind::Throttled { .. } | Kind::BudgetSpent { .. } => "try again in a minute".to_owned(),
        _ => "Genesys Cloud did not answer as it should: try again".to_owned(),
    };
    format!("{failure}: {to_do}")
}
