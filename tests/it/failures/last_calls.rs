//! The last calls of a budget: apply reads no contact unless a call is left for its write. How
//! these calls are divided is in `shares`. Answers of 429 are in `budget`.

mod shares;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::change::{CampaignId, ContactKey, OrgId};
use emulator::Fault;
use emulator::genesys::{Effect, Options};
use io::genesys::{BudgetPart, Campaign, Genesys, Org, Run};
use serde_json::json;

use crate::support::{CAMPAIGN, COLUMNS, Change, Done, OTHER_CAMPAIGN, World, change};

/// The campaign of contact n: of ten contacts, one is in the first campaign, three in the second,
/// and six in the third.
fn campaign_of(n: usize) -> &'static str {
    match n {
        0 => CAMPAIGN,
        1..=3 => OTHER_CAMPAIGN,
        _ => "campaign-c",
    }
}

/// A world that allows this many calls a minute. The secret says so too.
fn allowing(calls_per_minute: u64, options: Options) -> World {
    let world = World::with(Options {
        calls_per_minute: Some(calls_per_minute),
        ..options
    });
    world.put_secret("acme", &json!({ "callsPerMinute": calls_per_minute }));
    world.put_campaign("acme", "campaign-c", None);
    world
}

async fn apply(
    world: &World,
    copy: &apply::Context,
    changes: impl IntoIterator<Item = Change>,
) -> Done {
    world.send(changes);
    world.invoke_copy(copy, Some(Duration::from_secs(30))).await
}

/// Changes of new contacts. Each needs a read and a write.
fn new(of: &str, count: usize) -> Vec<Change> {
    (0..count)
        .map(|n| change(&format!("{of}-{n}"), 1).phone("1"))
        .collect()
}

fn reads(done: &Done) -> usize {
    done.calls
        .iter()
        .filter(|call| call.starts_with("GET"))
        .count()
}

/// The indexes of the records with this outcome.
fn ended(done: &Done, outcome: &str) -> BTreeSet<usize> {
    (0..done.records.len())
        .filter(|n| done.records[*n] == outcome)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn no_contact_is_read_unless_a_call_is_left_for_its_write() {
    // If answers do not report the rate limit, each of three copies keeps to a third of four
    // fifths.
    for (copies, rate_headers, exist, allowances) in [
        (1, true, true, (18..=38).step_by(1)),
        (1, false, true, (18..=48).step_by(1)),
        (3, true, true, (24..=44).step_by(1)),
        (3, false, true, (48..=128).step_by(4)),
        (1, true, false, (14..=34).step_by(1)),
        (3, true, false, (24..=44).step_by(1)),
    ] {
        let mut done_by_allowance = Vec::new();
        for allowed in allowances {
            let world = allowing(
                allowed,
                Options {
                    rate_headers,
                    ..Options::default()
                },
            );
            let copy = world.copy(None, |config| config.apply_concurrency = copies);
            apply(&world, &copy, new("warm", 7)).await;
            for n in (0..10).filter(|_| exist) {
                world
                    .genesys
                    .put_contact(campaign_of(n), &format!("k{n}"), &[], true);
            }
            // The opt-outs are the last contact of the second campaign, and the last of the batch.
            let is_opt_out = |n| n == 3 || n == 9;
            let changes = (0..10).map(|n| {
                let change = change(&format!("k{n}"), 1)
                    .phone("1")
                    .of("acme", campaign_of(n));
                if is_opt_out(n) {
                    change.callable(false)
                } else {
                    change
                }
            });
            let done = apply(&world, &copy, changes).await;
            let shown =
                format!("{allowed} a minute, {copies} copies, headers {rate_headers}: {done:?}");

            let written = ended(&done, if exist { "updated" } else { "created" });
            assert_eq!(reads(&done), written.len(), "{shown}");
            assert!(
                done.calls.iter().all(|call| !call.contains("429")),
                "{shown}"
            );
            let opt_outs = written.iter().filter(|n| is_opt_out(**n)).count();
            assert_eq!(opt_outs, written.len().min(2), "first of all: {shown}");
            let campaigns: BTreeSet<_> = written.iter().map(|n| campaign_of(*n)).collect();
            let is_even = campaigns.len() == written.len().min(3);
            assert!(
                is_even || copies > 1,
                "each campaign has its share: {shown}"
            );
            done_by_allowance.push(written.len());
        }
        let is_steady = done_by_allowance.is_sorted();
        assert!(
            is_steady || copies > 1,
            "with more calls more is done: {done_by_allowance:?}"
        );
        assert_eq!(
            done_by_allowance.last(),
            Some(&10),
            "{copies} copies, headers {rate_headers}, exist {exist}"
        );
        assert!(
            (2..6).contains(&done_by_allowance[0]),
            "{copies} copies: {done_by_allowance:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_list_is_read_unless_a_call_is_left_for_its_write() {
    for rate_headers in [true, false] {
        let mut done_by_allowance = Vec::new();
        for allowed in 18..=32 {
            let world = allowing(
                allowed,
                Options {
                    rate_headers,
                    ..Options::default()
                },
            );
            world.put_secret(
                "acme",
                &json!({ "callsPerMinute": allowed, "api": "contactLists" }),
            );
            let campaigns: Vec<_> = (0..4).map(|n| format!("campaign-{n}")).collect();
            for campaign in &campaigns {
                world.put_campaign("acme", campaign, Some(&COLUMNS));
            }
            let copy = world.copy(None, |config| config.apply_concurrency = 1);
            let of_all = |key: &'static str| {
                campaigns
                    .iter()
                    .map(move |id| change(key, 1).phone("1").of("acme", id))
            };
            // Each campaign takes two calls to find its list, one to read, and one to write.
            apply(&world, &copy, of_all("warm")).await;
            let done = apply(&world, &copy, of_all("k")).await;
            let shown = format!("{allowed} a minute, headers {rate_headers}: {done:?}");
            let reads = done
                .calls
                .iter()
                .filter(|call| call.starts_with("POST bulk"))
                .count();
            let created = ended(&done, "created").len();
            assert_eq!(reads, created, "{shown}");
            assert!(
                done.calls.iter().all(|call| !call.contains("429")),
                "{shown}"
            );
            done_by_allowance.push(created);
        }
        assert!(done_by_allowance.is_sorted(), "{done_by_allowance:?}");
        assert_eq!(
            (done_by_allowance[0], done_by_allowance.last()),
            (0, Some(&4)),
            "{done_by_allowance:?}"
        );
    }
}

/// Another copy makes this many calls.
async fn spend(world: &World, calls: usize) {
    let (org, campaign, run) = client(world).await;
    let before = world.genesys.calls().len();
    let campaign = Campaign::open(
        Arc::clone(&org),
        &campaign,
        &org.open(&run).await.unwrap(),
        run,
    )
    .await
    .unwrap();
    while world.genesys.calls().len() < before + calls {
        campaign
            .read(&ContactKey::parse("k").unwrap())
            .await
            .unwrap();
    }
}

/// A copy's client of the org after its login, and a campaign.
async fn client(world: &World) -> (Arc<Org>, CampaignId, Run) {
    let shared = Arc::new(world.shared(|config| config.apply_concurrency = 1));
    let (genesys, run) = (
        Genesys::new(shared, BudgetPart::Whole),
        Run::new(world.clock.now(), None),
    );
    let org = genesys.org(&OrgId::parse("acme").unwrap());
    org.open(&run).await.unwrap();
    (org, CampaignId::parse(CAMPAIGN).unwrap(), run)
}

#[tokio::test(start_paused = true)]
async fn in_a_new_minute_one_call_asks_for_the_rate_limit_and_the_others_wait_for_it() {
    let contacts = [
        (CAMPAIGN, "k"),
        (OTHER_CAMPAIGN, "k"),
        ("campaign-c", "k"),
        (CAMPAIGN, "l"),
    ];
    for (api, calls_left) in ["predictive", "contactLists"]
        .into_iter()
        .flat_map(|api| (1..10).map(move |n| (api, n)))
    {
        let world = allowing(20, Options::default());
        world.put_secret("acme", &json!({ "callsPerMinute": 20, "api": api }));
        // With a contact list, one read and one write serve the whole batch.
        let contacts = if api == "predictive" {
            &contacts[..]
        } else {
            &contacts[..3]
        };
        for (id, _) in contacts.iter().filter(|_| api == "contactLists") {
            world.put_campaign("acme", id, Some(&COLUMNS));
        }
        let of_all = |version| {
            contacts
                .iter()
                .map(move |(id, key)| change(key, version).callable(version < 2).of("acme", id))
        };
        let copy = world.copy(None, |config| config.apply_concurrency = 1);
        assert_eq!(
            apply(&world, &copy, of_all(1)).await.records,
            vec!["created"; contacts.len()]
        );
        world.pass(Duration::from_mins(1)).await;
        spend(&world, 20 - calls_left).await;
        let done = apply(&world, &copy, of_all(2)).await;
        let read = |call: &&String| call.starts_with("GET") || call.starts_with("POST bulk");
        let reads = done.calls.iter().filter(read).count();
        let updated = ended(&done, "updated").len();
        let can_be = (calls_left / 2).min(contacts.len());
        // As long as one call is left, the client may read.
        assert_eq!(
            (reads, updated),
            (can_be.max(1), can_be),
            "{api}, {calls_left} left: {done:?}"
        );
    }
}
