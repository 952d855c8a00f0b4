//! Entries of contacts whose write is refused, and entries that are refused themselves. Lists that
//! fail as a whole are in [`super`].

use super::*;

#[tokio::test(start_paused = true)]
async fn a_contact_whose_bulk_read_is_refused_is_listed_by_its_stored_number() {
    let world = by_phone();
    world.apply([change("a", 1).phone("+1")]).await;
    world
        .genesys
        .add_fault(Fault::status("POST", 400).on("contacts/bulk"));
    let done = world.apply([change("a", 5).remove()]).await;
    assert_eq!(done.records, ["parked: rejected"]);
    assert_eq!(
        (world.contact("a").1, entries(&world)),
        (false, vec!["+1".to_owned()])
    );
    // A stale opt-out is not entered.
    world
        .apply([change("b", 5).phone("+2").callable(true)])
        .await;
    world
        .genesys
        .add_fault(Fault::status("POST", 400).on("contacts/bulk"));
    world.apply([out("b", 4)]).await;
    assert_eq!(entries(&world), ["+1"]);
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_is_taken_for_new_and_refused_is_listed() {
    let world = world_of("predictive", "contactKey");
    for n in 0..6 {
        let new = (0..10).map(|i| change(&format!("new{n}{i}"), 1));
        world.apply(new).await;
    }
    world.pass(Duration::from_secs(2)).await;
    let refused = Fault::status("POST", 400).on("/contacts");
    world.genesys.add_fault(refused.times(2));
    let done = world.apply([out("a", 2).phone("+1")]).await;
    assert_eq!(done.records, ["parked: rejected"], "{done:?}");
    assert_eq!(
        count(&done, "GET"),
        0,
        "otherwise this tests nothing: {done:?}"
    );
    assert_eq!(entries(&world), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_cannot_be_written_is_parked_at_once_and_says_that_the_list_failed_too() {
    let world = by_phone();
    world.apply([change("a", 1).phone("+1")]).await;
    world.genesys.forbid_dnc_list(LIST, true);
    let refused = Fault::status("POST", 400).on("/contacts").after(1);
    world.genesys.add_fault(refused.times(20));
    let done = world.apply([out("a", 2)]).await;
    assert_eq!(done.records, ["parked: rejected"], "{done:?}");
    assert!(world.contact("a").1, "otherwise this tests nothing");
    let detail = &world.parked()[0]["detail"];
    assert!(
        detail.contains("was refused too") && detail.contains("not on the DNC list"),
        "{detail}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_bad_number_parks_the_opt_out_and_no_other_change_of_the_contact() {
    let world = by_phone();
    let first = [
        change("a", 1).phone("no number, ext. 5"),
        change("b", 1).phone("+2"),
    ];
    world.apply(first).await;
    // The list accepts other entries.
    world.apply([out("b", 2)]).await;
    let changes = [
        out("a", 2),
        change("a", 3).column("firstName", json!("Ada")),
    ];
    let done = world.apply(changes).await;
    assert_eq!(done.records, ["parked: notOnDncList", "updated"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_refuses_everything_without_a_code_is_reported_and_left_alone() {
    let world = by_phone();
    let key = |n: usize| format!("c{n}");
    for n in 0..200 {
        world.put(&key(n), 1, &format!("+1{n:03}"));
    }
    let refused = Fault::status("PATCH", 413).on("/phonenumbers");
    world.genesys.add_fault(refused.times(15));
    world.apply([change("first", 1)]).await;
    world.pass(Duration::from_secs(2)).await;
    world.send((0..200).map(|n| out(&key(n), 2)));
    let done = world.invoke().await;
    // The calls halve down to two refused entries, far from each other.
    assert_eq!(count(&done, "PATCH"), 15, "{:?}", done.calls);
    let told = world.told();
    assert!(told.iter().any(|told| told.contains("DNC list failed")));
    assert_eq!(entries(&world), [""; 0]);
    until_empty(&world).await;
    assert!(world.parked().is_empty());
    assert_eq!(entries(&world).len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_full_list_is_given_up_after_the_horizon_though_it_takes_entries_that_it_has() {
    let world = by_phone();
    let first = [change("a", 1).phone("+1"), change("b", 1).phone("+2")];
    world.apply(first).await;
    world.apply([out("a", 2)]).await;
    world.genesys.fill_dnc_list(LIST, true);
    let began = world.clock.now();
    world.send([out("b", 2)]);
    for minute in 0..600 {
        if !world.parked().is_empty() {
            break;
        }
        // The CRM repeats the opt-out again and again.
        if minute % 5 == 0 {
            world.send([out("a", 2).with("eventId", format!("again-{minute}"))]);
        }
        while let Some(batch) = world.queue.receive(10) {
            let time = Some(Duration::from_secs(30));
            world.hand_over(&world.context, &batch, time).await;
        }
        world.pass(Duration::from_mins(1)).await;
    }
    assert_eq!(world.parked()[0]["reason"], "notOnDncList");
    let took = world.clock.now().duration_since(began);
    assert!(took.as_hours() >= 6, "not before the horizon: {took}");
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_not_given_up_at_once_if_its_list_has_taken_no_entry_yet() {
    let world = by_phone();
    world.apply([change("a", 1).phone("+1")]).await;
    let refused = Fault::status("PATCH", 400).on("/phonenumbers");
    world.genesys.add_fault(refused.times(2));
    let done = world.apply([out("a", 2)]).await;
    assert_eq!(done.failed, [0], "{done:?}");
    let told = world.told();
    assert!(told.iter().any(|told| told.contains("DNC list failed")));
    until_empty(&world).await;
    assert!(world.parked().is_empty());
    assert_eq!(entries(&world), ["+1"]);
}
