//! A change that must be parked still closes the channels and numbers that it names. Changes that
//! are not parked are in [`super`].

use super::*;

fn without_channels() -> World {
    let world = World::new();
    world.put("a", 1, "1");
    world
}

#[tokio::test(start_paused = true)]
async fn an_api_without_channels_parks_their_changes_after_honouring_the_opt_out() {
    let world = without_channels();
    let says = || lowering(change("a", 2).phone("2"), &["Sms"], &["phone"]);
    world.apply([change("warm", 1)]).await;
    let done = world.apply([says()]).await;
    assert_eq!(done.records, ["parked: channel"]);
    assert_eq!(done.calls, [""; 0], "there is nothing to take effect");
    let detail = "contactable, phones: expected neither, since the org's api does not support them";
    assert_eq!(world.parked()[0]["detail"], detail);
    let done = world
        .apply([says().callable(true).with("eventId", "in")])
        .await;
    assert_eq!(done.records, ["parked: channel"]);
    assert_eq!(done.calls, [""; 0]);
    world
        .genesys
        .add_fault(Fault::status("PATCH", 503).times(3));
    let opt_out = says().callable(false).with("eventId", "out");
    let done = world.apply([opt_out]).await;
    assert_eq!(done.failed, [0], "not parked before it takes effect");
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(world.invoke().await.records, ["parked: channel"]);
    assert!(!world.contact("a").1);
    assert_eq!(
        world.column("a", "phone"),
        "1",
        "and none of its columns is written"
    );
    assert_eq!(world.column("a", VERSION_FIELD), "2:2-");
}

#[tokio::test(start_paused = true)]
async fn an_invalid_change_closes_its_channels_before_it_is_parked() {
    by_both_readings(async |world| {
        world.put("a", 5, "5");
        let broken = lowering(change("a", 9).phone("9"), &["Sms"], &["phone"]);
        let broken = broken.column(VERSION_FIELD, json!("7")).callable(true);
        let done = world.apply([broken]).await;
        assert_eq!(done.records, ["parked: reservedColumn"]);
        assert_eq!(shut(world, "a"), ["Sms"]);
        let numbers = json!({ "phone": { "callable": false } });
        assert_eq!(world.of_the_dialler("a", "phoneNumberStatus"), numbers);
        assert_eq!(world.column("a", "phone"), "5");
        assert_eq!(world.column("a", VERSION_FIELD), "5", "they need no rank");
        let later = world.apply([change("a", 7).phone("7")]).await;
        assert_eq!(later.records, ["updated"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_not_a_column_of_the_list_parks_its_change_and_the_rest_takes_effect() {
    by_both_readings(async |world| {
        world.put("a", 1, "1");
        // `firstName` is a column, but not a phone column.
        for unknown in ["fax", "firstName"] {
            let says = lowering(change("a", 2), &["Sms"], &["nickname", unknown]);
            let done = world.apply([says.with("eventId", unknown)]).await;
            assert_eq!(done.records, ["parked: unknownColumn"]);
            let detail = format!(
                "phones: expected only columns of numbers of the campaign's contact list, which has no {unknown:?}"
            );
            assert_eq!(world.parked().last().unwrap()["detail"], detail);
        }
        assert_eq!(shut(world, "a"), ["Sms"]);
        let numbers = json!({ "nickname": { "callable": false } });
        assert_eq!(world.of_the_dialler("a", "phoneNumberStatus"), numbers);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_absent_contact_is_created_with_its_channels_closed() {
    by_both_readings(async |world| {
        let broken = lowering(change("a", 9), &["Sms"], &[]);
        let broken = broken.column("nikname", json!("Ada"));
        let done = world.apply([broken]).await;
        assert_eq!(done.records, ["parked: unknownColumn"]);
        assert_eq!(shut(world, "a"), ["Sms"]);
        let late = world.apply([change("a", 3).phone("3")]).await;
        assert_eq!(late.records, ["updated"]);
        assert_eq!(
            (world.contact("a").1, world.column("a", "phone")),
            (true, "3".to_owned())
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_refused_for_its_numbers_still_makes_the_contact_not_callable() {
    let world = world(false);
    world.put("a", 1, "1");
    world.apply([change("warm", 1)]).await;
    // The service refuses every status of a number.
    let refusing = between(&world.genesys, |genesys, request, timeout| async move {
        let is_said = String::from_utf8_lossy(request.body()).contains("phoneNumberStatus");
        if !is_said {
            return genesys.send(request, timeout).await;
        }
        let body = r#"{"code": "invalid.value", "status": 400}"#;
        let mut refused = http::Response::new(Bytes::from(body));
        *refused.status_mut() = http::StatusCode::BAD_REQUEST;
        Ok(refused)
    });
    let copy = world.copy(Some(refusing), |_| {});
    world.send([lowering(
        change("a", 2).phone("2").callable(false),
        &[],
        &["phone"],
    )]);
    let time = Some(Duration::from_secs(30));
    let done = world.invoke_copy(&copy, time).await;
    assert_eq!(done.records, ["parked: rejected"]);
    assert!(!world.contact("a").1);
    assert_eq!(world.column("a", VERSION_FIELD), "2:2-");
    let detail = &world.parked()[0]["detail"];
    let too = "; the change of its channels and numbers was refused too: ";
    assert!(detail.contains(too), "{detail}");
    assert!(!detail.contains("the opt-out was refused"), "{detail}");
}
