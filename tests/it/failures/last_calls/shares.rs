//! The last calls of a budget are shared among campaigns, passes and copies, and none is promised
//! twice. `domain::budget` decides the shares.

use super::*;

#[tokio::test(start_paused = true)]
async fn campaigns_share_in_every_pass_the_calls_that_other_copies_leave() {
    // This copy's share is a fifth of the calls, and no other copy uses the rest. In the second
    // pass there are calls for one contact of each campaign, or for three of the first.
    let world = allowing(52, Options::default());
    let copy = world.copy(None, |config| config.apply_concurrency = 5);
    apply(&world, &copy, new("warm", 1)).await;
    let others = new("b", 5)
        .into_iter()
        .map(|change| change.of("acme", OTHER_CAMPAIGN));
    let done = apply(&world, &copy, new("a", 5).into_iter().chain(others)).await;
    assert_eq!(done.records, ["created"; 10], "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_conflict_no_contact_is_read_again_unless_a_call_is_left_for_its_write() {
    for rate_headers in [true, false] {
        let mut done_by_allowance = Vec::new();
        for allowed in 16..=44 {
            let world = allowing(
                allowed,
                Options {
                    rate_headers,
                    ..Options::default()
                },
            );
            let copy = world.copy(None, |config| config.apply_concurrency = 1);
            apply(&world, &copy, new("warm", 1)).await;
            world
                .genesys
                .add_fault(Fault::status("POST", 409).on("contacts"));
            for n in 0..7 {
                world
                    .genesys
                    .put_contact(OTHER_CAMPAIGN, &format!("b-{n}"), &[], true);
            }
            let others = (0..7).map(|n| {
                change(&format!("b-{n}"), 1)
                    .phone("1")
                    .of("acme", OTHER_CAMPAIGN)
            });
            let done = apply(&world, &copy, new("a", 3).into_iter().chain(others)).await;
            let shown = format!("{allowed} a minute, headers {rate_headers}: {done:?}");
            let conflict = done
                .calls
                .iter()
                .position(|call| call.ends_with("409"))
                .expect("a conflict");
            let (created, updated) = (ended(&done, "created").len(), ended(&done, "updated").len());
            let of = |calls: &[String], key: &str| {
                calls.iter().filter(|call| call.starts_with(key)).count()
            };
            assert_eq!(of(&done.calls[conflict..], "GET a"), created, "{shown}");
            assert_eq!(of(&done.calls, "GET b"), updated, "{shown}");
            assert!(
                done.calls.iter().all(|call| !call.contains("429")),
                "{shown}"
            );
            done_by_allowance.push(created + updated);
            if rate_headers {
                let opt_out = [change("b-0", 2).callable(false).of("acme", OTHER_CAMPAIGN)];
                let kept = apply(&world, &copy, opt_out).await;
                assert_eq!(
                    kept.records,
                    ["updated"],
                    "opt-outs use their reserve: {shown}"
                );
            }
        }
        assert_eq!(done_by_allowance.last(), Some(&10), "{done_by_allowance:?}");
        assert!(
            (1..6).contains(&done_by_allowance[0]),
            "{done_by_allowance:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_under_way_is_reserved_once() {
    let world = allowing(20, Options::default());
    let copy = world.copy(None, |config| config.apply_concurrency = 1);
    apply(&world, &copy, new("warm", 1)).await;
    // In the first campaign three contacts are up to date, and one takes long. Meanwhile the second
    // pass of the other campaign begins.
    (0..3).for_each(|n| world.put(&format!("a-{n}"), 1, "1"));
    world.put("a-3", 0, "0");
    (0..5).for_each(|n| {
        world
            .genesys
            .put_contact(OTHER_CAMPAIGN, &format!("b-{n}"), &[], true)
    });
    world
        .genesys
        .add_fault(Fault::next("PATCH", Effect::Slow(Duration::from_secs(2))).on("/a-"));
    let others = (0..5).map(|n| {
        change(&format!("b-{n}"), 1)
            .phone("1")
            .of("acme", OTHER_CAMPAIGN)
    });
    let done = apply(&world, &copy, new("a", 4).into_iter().chain(others)).await;
    assert_eq!(
        ended(&done, "updated").len(),
        1 + 5,
        "the last one found two calls: {done:?}"
    );
    assert!(done.failed.is_empty(), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_asks_for_the_rate_limit_takes_no_more_than_its_share() {
    let world = allowing(40, Options::default());
    let copy = world.copy(None, |config| config.apply_concurrency = 1);
    apply(&world, &copy, new("warm", 1)).await;
    world.pass(Duration::from_mins(1)).await;
    spend(&world, 40 - 8).await;
    let campaigns = [CAMPAIGN, OTHER_CAMPAIGN, "campaign-c"];
    let contacts: Vec<_> = campaigns
        .iter()
        .flat_map(|id| (0..3).map(move |n| (*id, format!("k{n}"))))
        .collect();
    contacts
        .iter()
        .for_each(|(id, key)| world.genesys.put_contact(id, key, &[], true));
    let changes = contacts
        .iter()
        .map(|(id, key)| change(key, 1).phone("1").of("acme", id));
    let done = apply(&world, &copy, changes).await;
    // Four of the eight calls are reserved for opt-outs.
    assert_eq!(
        ended(&done, "updated"),
        [0, 3].into(),
        "a contact each of the first two: {done:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_invocation_draws_once_for_calls_that_are_too_few_for_every_copy() {
    // Of the last 18 calls outside the reserve for opt-outs, each of ten copies may take two: first
    // with a chance of nine in ten, then of eight in ten.
    let world = allowing(200, Options::default());
    let alone = world.copy(None, |config| config.apply_concurrency = 1);
    let one_of_ten = world.copy(None, |config| config.apply_concurrency = 10);
    // One contact of each batch exists. Otherwise apply would take it for a first load and create
    // without reading.
    world.put("known", 1, "");
    for (batch, count) in [10; 14].into_iter().chain([5]).enumerate() {
        let known = change("known", 1).with("eventId", format!("evt-known-{batch}"));
        let batch = new(&format!("k{batch}"), count - 1);
        apply(&world, &alone, batch.into_iter().chain([known])).await;
    }
    apply(&world, &one_of_ten, new("asks", 1)).await;
    let campaigns: Vec<_> = (0..10).map(|n| format!("campaign-{n}")).collect();
    campaigns
        .iter()
        .for_each(|id| world.put_campaign("acme", id, None));
    let (mut done, mut put_off) = (0, 0);
    while done < 9 {
        let key = format!("{done}-{put_off}");
        let of_all = campaigns
            .iter()
            .map(|id| change(&key, 1).phone("1").of("acme", id));
        match ended(&apply(&world, &one_of_ten, of_all).await, "created").len() {
            0 => put_off += 1,
            1 => done += 1,
            _ => panic!("more than its part"),
        }
        assert!(put_off < 100, "no draw ever wins");
    }
    // About 19 are expected. With one draw for each campaign there would be less than one.
    assert!(put_off > 5, "{put_off}");
}
