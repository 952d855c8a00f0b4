//! Sets up everything at rest, before the story begins: orgs, secrets, queues and the functions'
//! contexts.
//!
//! Nothing happens here; `super` plays the story.

use std::sync::Arc;
use std::time::Duration;

use emulator::Feed;
use emulator::genesys::{DncKind, Exports, ListReadings, Options};
use emulator::world::{VERSION_FIELD, client_id, client_secret};
use io::config::{ApplyConfig, IngestConfig};
use io::genesys::Shared;
use io::telemetry::{Event, Telemetry};
use io::{Chance, Clock, Config};
use serde_json::json;

use super::copies::Running;
use super::{FEED_TOKEN, SIGNING_SECRET, crms, describe};
use crate::mutants::Mutant;
use crate::seams::{GenesysTransport, Outside, SecretsManager, Sqs};
use crate::story::vendor::{self, PayloadForm};
use crate::story::{
    AGENT_COLUMN, CANARY, COLUMNS, HORIZON, Org, Raise, Ranking, Story, folds_case, omits_callable,
};
use crate::{checks, lock, trouble};

pub(super) fn outside(story: Story, clock: Clock, mutant: Option<Mutant>, trace: bool) -> Outside {
    let least = story.orgs.iter().map(|org| org.calls_per_minute).min();
    let options = Options {
        read_lag: story.read_lag,
        token_life: Duration::from_mins(10),
        calls_per_minute: least,
        rate_headers: story.rate_headers,
        counts_each_token: story.counts_each_token,
        list_updates_merge: story.seed.is_multiple_of(2),
        omitted_callable_is_true: omits_callable(story.seed),
        lists: ListReadings {
            read_lag: story.lists_lag,
            update_lag: story.lists_lag,
            fold_case: folds_case(story.seed),
            answer_in_another_order: story.seed.is_multiple_of(5),
            statuses_merge: story.seed % 4 < 2,
            ..ListReadings::default()
        },
        keeps_journal: true,
        exports: exports(&story),
        ..Options::default()
    };
    let feed = Feed::new(clock.clone(), FEED_TOKEN, crms::PAGE);
    let crms = crms::crms(&story, &clock);
    let world = emulator::World::new(clock, options, "https://sqs.test");
    if story.trouble.is_some_and(|trouble| trouble.at_random) {
        world.queue.hands_out_at_random(story.seed);
    }
    let outside = Outside::new(story, world, (feed, crms), mutant, trace);
    for (n, org) in outside.story.orgs.iter().enumerate() {
        if let Some(form) = vendor::payload_form(outside.story.seed, n) {
            let secret = vendor_secret(org, form, false);
            outside.put_source(&vendor::source(org), &secret);
        }
        put_client(&outside, org, 0);
        let columns: Vec<_> = COLUMNS
            .into_iter()
            .chain([AGENT_COLUMN, VERSION_FIELD])
            .collect();
        for campaign in &org.campaigns {
            outside.put_campaign(&org.name, campaign, Some(&columns));
        }
        if org.has_dnc_list {
            let (list, kind) = (dnc_list(org), DncKind::Column("id".to_owned()));
            let client = client_id(&org.name);
            outside.genesys.put_dnc_list(&client, &list, kind);
            for campaign in &org.campaigns {
                outside.genesys.name_dnc_lists(campaign, &[&list]);
            }
        }
        put_secret(&outside, org, 0);
        let source = json!({ "signingSecrets": [SIGNING_SECRET], "org": org.name });
        outside.put_source(&org.name, &source);
        outside.put_feed(&org.name, &crms::secret(&outside, n, org));
    }
    for (campaign, key) in trouble::contacts(&outside.story) {
        outside.genesys.put_contact(campaign, &key, &[], true);
    }
    outside
}

/// How the service exports lists in this run.
fn exports(story: &Story) -> Exports {
    let takes = story.schedule.map(|schedule| schedule.export);
    Exports {
        takes: takes.unwrap_or(Exports::default().takes),
        gzip: story.seed.is_multiple_of(3),
        tells_whatsapp: story.seed.is_multiple_of(4),
        is_direct: story.seed % 4 < 2,
        ..Exports::default()
    }
}

/// Gives the OAuth client the secret of this generation.
pub(super) fn put_client(outside: &Outside, org: &Org, generation: usize) {
    let secret = secret_of(&org.name, generation);
    outside.genesys.put_client(&client_id(&org.name), &secret);
}

fn secret_of(org: &str, generation: usize) -> String {
    format!("{}-{generation}", client_secret(org))
}

/// The id of the DNC list for the org's opt-outs.
pub(crate) fn dnc_list(org: &Org) -> String {
    format!("dnc-of-{}", org.name)
}

pub(super) fn secret_name(org: &Org) -> String {
    format!("campaign-sync/org/{}", org.name)
}

pub(super) fn put_secret(outside: &Outside, org: &Org, generation: usize) {
    // The budget in the secret counts only if the service names none.
    let least = outside
        .story
        .orgs
        .iter()
        .map(|org| org.calls_per_minute)
        .min();
    let calls_per_minute = if outside.has_defect(Mutant::IgnoreRateHeaders) {
        Some(100_000)
    } else {
        outside
            .story
            .schedule
            .map_or(least, |it| Some(it.budget_in_secret))
    };
    let secret = json!({
        "clientSecret": secret_of(&org.name, generation),
        "region": outside.story.trouble.map_or("us-east-1", |trouble| trouble.region(&org.name)),
        "api": if org.uses_lists { "contactLists" } else { "predictive" },
        "versionField": (org.ranking != Ranking::None).then_some(VERSION_FIELD),
        "raise": (org.ranking != Ranking::None).then_some(match org.raise {
            Raise::Own => "own",
            Raise::Always => "always",
            Raise::Never => "never",
        }),
        "optOut": org.opts_out_of_all.then_some("all"),
        "versionFrom": if org.ranking == Ranking::OccurredAt { "occurredAt" } else { "version" },
        "callsPerMinute": calls_per_minute,
        "dncList": org.has_dnc_list.then(|| json!({ "id": dnc_list(org), "by": "contactKey" })),
        "readLagSeconds": org.uses_lists.then_some(outside.story.lists_lag.as_secs()),
    });
    outside.put_secret(&org.name, &secret);
}

pub(super) fn start_ingest(
    outside: &Arc<Outside>,
    clock: &Clock,
    telemetry: &Telemetry,
) -> ingest::Context {
    let config = IngestConfig::read(|name| outside.variable(name));
    let context = ingest::Context::new(
        config.unwrap_or_else(|error| unreachable!("{error}")),
        Arc::new(SecretsManager(Arc::clone(outside))),
        Arc::new(Sqs(Arc::clone(outside))),
        clock.clone(),
        telemetry.clone(),
    );
    context.with_defect(outside.mutant.and_then(Mutant::defect_of_ingest))
}

/// The secret of the org's vendor. Somebody later mends its mapping.
pub(super) fn vendor_secret(org: &Org, form: PayloadForm, is_mended: bool) -> serde_json::Value {
    let mut secret =
        json!({ "signingSecrets": [SIGNING_SECRET], "org": org.name, "onFault": "park" });
    if let Some(program) = vendor::program(org, form, is_mended) {
        secret["mapping"] = json!({ "jq": program });
    }
    secret
}

pub(super) fn start_apply(
    outside: &Arc<Outside>,
    name: &str,
    clock: &Clock,
    telemetry: &Telemetry,
) -> Running {
    let transport = GenesysTransport::new(outside, name);
    let (crash, instance) = (Arc::clone(&transport.crash), transport.instance);
    let retry_horizon = match outside.mutant {
        Some(Mutant::ParkEarly) => Duration::from_mins(1),
        _ => HORIZON,
    };
    let (_, own) = config(outside);
    // Backlogs are short here, so half of the stories look for one behind every event.
    let seed = outside.story.seed;
    let own = ApplyConfig {
        retry_horizon,
        top_up_from: if seed.is_multiple_of(2) {
            own.top_up_from
        } else {
            1
        },
        ..own
    };
    let mut shared = shared(outside, transport, clock, telemetry);
    shared.config.apply_top_up = if seed.is_multiple_of(8) { 0 } else { 990 };
    let context = apply::Context::new(shared, own, Arc::new(Sqs(Arc::clone(outside))));
    Running {
        context: context.with_defect(outside.mutant.and_then(Mutant::defect_of_apply)),
        crash,
        instance,
    }
}

pub(super) fn shared(
    outside: &Arc<Outside>,
    transport: GenesysTransport,
    clock: &Clock,
    telemetry: &Telemetry,
) -> Shared {
    let seed = outside
        .story
        .seed
        .wrapping_mul(1_000)
        .wrapping_add(transport.instance as u64);
    Shared {
        transport: Arc::new(transport),
        secrets: Arc::new(SecretsManager(Arc::clone(outside))),
        clock: clock.clone(),
        chance: Chance::seeded(seed),
        telemetry: telemetry.clone(),
        config: config(outside).0,
    }
}

fn config(outside: &Outside) -> (Config, ApplyConfig) {
    let variable = |name: &str| match name {
        "APPLY_CONCURRENCY" => Some(outside.story.copies.to_string()),
        name => outside.variable(name),
    };
    Config::read_for_apply(variable).unwrap_or_else(|error| unreachable!("{error}"))
}

pub(super) fn telemetry(outside: &Arc<Outside>) -> Telemetry {
    // The outside owns the telemetry, so the telemetry holds the outside weakly.
    let outside = Arc::downgrade(outside);
    let log = Telemetry::log();
    Telemetry::from_fn(move |event| {
        let Some(outside) = outside.upgrade() else {
            return;
        };
        log.tell(event);
        if let Event::LookedAt { org, age, .. } = event
            && !outside.has_defect(Mutant::TellNoAge)
        {
            checks::schedule::age_reported(&outside, org, *age);
        }
        if matches!(event, Event::OrgIll { .. }) {
            lock(&outside.seen).ill_reports += 1;
        }
        if !matches!(
            event,
            Event::Called { .. } | Event::TookIn { topped_up: 0, .. }
        ) {
            outside.trace(|| format!("           reports: {}", describe::report(event)));
        }
        if let Event::Done { about, outcome, .. } = event
            && let Some(id) = about.event_id
        {
            checks::check_done(&outside, id, outcome.as_str());
            let now = outside.clock.now();
            lock(&outside.seen).is_done(id, outcome.as_str(), now);
        }
        let id = match event {
            Event::Done { about, .. } | Event::Parked { about, .. } => about.event_id,
            _ => None,
        };
        if let Some(id) = id {
            let mut seen = lock(&outside.seen);
            let now = outside.clock.now();
            seen.reported_at.entry(id.to_owned()).or_insert(now);
            if outside.has_defect(Mutant::LogContent) {
                tracing::error!(key = CANARY, "a defect on purpose");
            }
        }
    })
}
