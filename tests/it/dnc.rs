//! Entries of a DNC list: adding and removing them with as few calls as possible, and finding the
//! faulty ones. Which opt-outs need an entry is in `listed`; `command` removes an entry by hand.

mod command;

use std::sync::Arc;
use std::time::Duration;

use domain::change::{CampaignId, ContactKey, OrgId};
use domain::dnc::{DncBy, DncList, DncListId};
use domain::health::{May, Prober};
use emulator::genesys::{DncKind, Effect, Fault, Options};
use io::genesys::{BudgetPart, Campaign, Failure, Genesys, Kind, MOST_ENTRIES, Org, Run};

use crate::support::{CAMPAIGN, World, openapi};

const CLIENT: &str = "client-of-acme";

/// One copy's client of the org, which has the DNC lists `numbers` and `values`.
struct Client {
    world: World,
    org: Arc<Org>,
}

impl Client {
    async fn new() -> Client {
        Client::with(Options::default()).await
    }

    async fn with(options: Options) -> Client {
        let world = World::of_lists(options);
        world
            .genesys
            .put_dnc_list(CLIENT, "numbers", DncKind::Phone);
        let column = "leadId".to_owned();
        world
            .genesys
            .put_dnc_list(CLIENT, "values", DncKind::Column(column));
        let shared = Arc::new(world.shared(|config| config.apply_concurrency = 1));
        let org = Genesys::new(shared, BudgetPart::Whole).org(&OrgId::parse("acme").unwrap());
        let client = Client { world, org };
        client.org.open(&client.run()).await.unwrap();
        client
    }

    /// A run for an invocation that begins now.
    fn run(&self) -> Run {
        Run::new(self.world.clock.now(), None)
    }

    /// Adds entries, and returns the result of each.
    async fn add(&self, list: &DncList, entries: &[&str]) -> Vec<Result<(), Kind>> {
        let done = self.org.add_to_dnc(&self.run(), list, entries).await;
        kinds(done)
    }

    fn patches(&self) -> usize {
        let calls = self.world.genesys.calls();
        calls.iter().filter(|call| call.method == "PATCH").count()
    }
}

fn kinds(done: Vec<Result<(), Failure>>) -> Vec<Result<(), Kind>> {
    let kind = |of: Result<(), Failure>| of.map_err(|failure| failure.kind);
    done.into_iter().map(kind).collect()
}

fn numbers() -> DncList {
    let column = "phone".to_owned();
    let id = DncListId::parse("numbers").unwrap();
    let by = DncBy::Phone { column };
    DncList { id, by }
}

fn values() -> DncList {
    let id = DncListId::parse("values").unwrap();
    let by = DncBy::ContactKey;
    DncList { id, by }
}

#[tokio::test(start_paused = true)]
async fn entries_are_added_by_one_call_once_each_and_removed() {
    let client = Client::new().await;
    let genesys = &client.world.genesys;
    let added = client.add(&numbers(), &["+2", "+1", "+2"]).await;
    assert_eq!(added, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(genesys.dnc_entries("numbers"), ["+1", "+2"]);
    assert_eq!(client.add(&values(), &["LEAD-1"]).await, [Ok(())]);
    assert_eq!(genesys.dnc_entries("values"), ["LEAD-1"]);
    let gone = ["LEAD-1", "LEAD-2"];
    let removed = client
        .org
        .remove_from_dnc(&client.run(), &values(), &gone)
        .await;
    assert_eq!(kinds(removed), [Ok(()), Ok(())]);
    assert_eq!(genesys.dnc_entries("values"), [""; 0]);
    assert_eq!(client.patches(), 3);
    assert_eq!(client.add(&numbers(), &[]).await, []);
    assert_eq!(client.patches(), 3, "no entry needs no call");
    assert_eq!(openapi::faults(&genesys.calls()), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_entry_that_is_refused_hides_none_of_the_others() {
    let client = Client::new().await;
    let all: Vec<_> = (0..100).map(|n| format!("+1{n}")).collect();
    let mut all: Vec<_> = all.iter().map(String::as_str).collect();
    all[37] = "no number, ext. 5";
    let done = client.add(&numbers(), &all).await;
    for (n, done) in done.iter().enumerate() {
        let expected = if n == 37 { Err(Kind::Rejected) } else { Ok(()) };
        assert_eq!(*done, expected, "{n}");
    }
    assert_eq!(client.world.genesys.dnc_entries("numbers").len(), 99);
    // A faulty entry does not close the list.
    assert_eq!(client.add(&numbers(), &["+2"]).await, [Ok(())]);
}

#[tokio::test(start_paused = true)]
async fn halving_a_refused_call_ends_and_names_the_bad_entries() {
    let client = Client::with(Options {
        calls_per_minute: None,
        ..Options::default()
    });
    let client = client.await;
    // In the order in which they are sent, every faulty entry is between two good ones.
    let all: Vec<_> = (0..MOST_ENTRIES)
        .map(|n| format!("{n:04}{}", ["", ", no number"][n % 2]))
        .collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let done = client.add(&numbers(), &all).await;
    let of = |kind| done.iter().filter(|done| **done == Err(kind)).count();
    let taken = done.iter().filter(|done| done.is_ok()).count();
    assert_eq!(
        of(Kind::Rejected) + of(Kind::OutOfTime) + taken,
        MOST_ENTRIES
    );
    assert!(of(Kind::Rejected) > 0 && taken > 0);
    // Each split call becomes two.
    assert_eq!(client.patches(), 81);
    for failure in client
        .org
        .add_to_dnc(&client.run(), &numbers(), &all[1..2])
        .await
    {
        let failure = failure.unwrap_err();
        assert!(!format!("{failure} {failure:?}").contains("no number"));
    }
    let paths: Vec<_> = client
        .world
        .genesys
        .calls()
        .into_iter()
        .map(|call| call.path + &call.query)
        .collect();
    assert!(!paths.concat().contains("no%20number"));
    // If every entry is refused, the list itself is at fault.
    let all: Vec<_> = (0..MOST_ENTRIES).map(|n| format!("none, {n}")).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let before = client.patches();
    client.add(&numbers(), &all).await;
    // The calls halve down to two single entries, far from each other.
    assert_eq!(client.patches(), before + 19);
}

#[tokio::test(start_paused = true)]
async fn bad_entries_beside_each_other_do_not_close_the_list() {
    let client = Client::with(Options {
        calls_per_minute: None,
        ..Options::default()
    });
    let client = client.await;
    // In the order in which they are sent, the faulty entries come first.
    let bad = |n: usize| n < 8;
    let all: Vec<_> = (0..MOST_ENTRIES)
        .map(|n| format!("{n:04}{}", if bad(n) { ", no number" } else { "" }))
        .collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let done = client.add(&numbers(), &all).await;
    for (n, done) in done.iter().enumerate() {
        let expected = if bad(n) { Err(Kind::Rejected) } else { Ok(()) };
        assert_eq!(*done, expected, "{n}");
    }
    assert_eq!(client.add(&numbers(), &["+2"]).await, [Ok(())]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_a_person_must_mend_is_left_alone_for_a_minute() {
    let missing = DncList {
        id: DncListId::parse("missing").unwrap(),
        ..numbers()
    };
    let other_kind = DncList {
        id: values().id,
        ..numbers()
    };
    for (list, forbids) in [(missing, false), (other_kind, false), (numbers(), true)] {
        let client = Client::new().await;
        client.world.genesys.forbid_dnc_list("numbers", forbids);
        let refused = vec![Err(Kind::Refused); 2];
        assert_eq!(client.add(&list, &["+1", "+2"]).await, refused);
        assert_eq!(
            client.patches(),
            1,
            "it is clear at once that the list is at fault"
        );
        let left_alone = client.add(&list, &["+1"]).await;
        assert!(matches!(left_alone[..], [Err(Kind::Closed { .. })]));
        assert_eq!(client.patches(), 1);
        assert_eq!(client.add(&values(), &["LEAD-1"]).await.len(), 1);
        client.world.pass(Duration::from_secs(61)).await;
        client.world.genesys.forbid_dnc_list("numbers", false);
        let calls = client.patches();
        client.add(&list, &["+1"]).await;
        assert_eq!(client.patches(), calls + 1);
        assert_eq!(
            client.world.refusals(),
            0,
            "neither org nor campaign counts as refused"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_list_is_reported_and_takes_entries_once_there_is_room() {
    let client = Client::with(Options {
        most_dnc_entries: 2,
        ..Options::default()
    });
    let client = client.await;
    assert_eq!(
        client.add(&numbers(), &["+1", "+2"]).await,
        [Ok(()), Ok(())]
    );
    let full = client.add(&numbers(), &["+3"]).await;
    assert!(matches!(full[..], [Err(Kind::Full { .. })]), "{full:?}");
    let removed = client
        .org
        .remove_from_dnc(&client.run(), &numbers(), &["+1"])
        .await;
    assert!(removed[0].is_err(), "no call is made for a minute");
    client.world.pass(Duration::from_secs(61)).await;
    client
        .org
        .remove_from_dnc(&client.run(), &numbers(), &["+1"])
        .await;
    assert_eq!(client.add(&numbers(), &["+3"]).await, [Ok(())]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_retried_and_a_hanging_list_delays_nobody_else() {
    let client = Client::new().await;
    let genesys = &client.world.genesys;
    for effect in [
        Effect::Status(503, Vec::new()),
        Effect::Lost { is_done: true },
    ] {
        genesys.add_fault(Fault::next("PATCH", effect).on("/dnclists/").times(2));
        assert_eq!(client.add(&numbers(), &["+1"]).await, [Ok(())]);
    }
    let id = CampaignId::parse(CAMPAIGN).unwrap();
    let secret = client.org.open(&client.run()).await.unwrap();
    let open = || Campaign::open(Arc::clone(&client.org), &id, &secret, client.run());
    let nobody = ContactKey::parse("nobody").unwrap();
    assert!(open().await.unwrap().read(&nobody).await.unwrap().is_none());
    let hang = Effect::Hang { is_done: true };
    genesys.add_fault(Fault::next("PATCH", hang).on("/dnclists/").times(20));
    for _ in 0..10 {
        let (done, began) = (client.patches(), client.world.clock.now());
        let failed = client.add(&numbers(), &["+1"]).await;
        assert_eq!(failed, [Err(Kind::Unanswered)]);
        assert_eq!(client.patches(), done + 1, "it is not waited for again");
        let took = client.world.clock.now().duration_since(began);
        assert_eq!(took.as_secs(), 5);
        client.org.may_begin(Prober::Drawn).unwrap();
        assert!(client.org.rests(&id).is_zero());
        assert!(!matches!(
            client.org.may_begin_with(&id, Prober::Drawn),
            May::NotBefore(_) | May::InTurn(_)
        ));
        client.world.pass(Duration::from_secs(15 * 60 + 1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_dnc_lists_count_against_the_orgs_budget() {
    let client = Client::with(Options {
        calls_per_minute: Some(3),
        ..Options::default()
    });
    let client = client.await;
    let mut done = Vec::new();
    for n in 0..6 {
        done.extend(client.add(&numbers(), &[&format!("+{n}")]).await);
    }
    let spent = |of: &Result<(), Kind>| {
        matches!(of, Err(Kind::BudgetSpent { .. } | Kind::Throttled { .. }))
    };
    assert!(done.iter().all(|of| of.is_ok() || spent(of)), "{done:?}");
    assert!(done.iter().any(spent), "{done:?}");
    client.world.pass(Duration::from_secs(61)).await;
    assert_eq!(
        client.add(&numbers(), &["+7"]).await,
        [Ok(())],
        "a spent budget closes no list"
    );
}
