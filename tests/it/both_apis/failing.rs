//! Failures by both APIs: lost answers, an outage, and permanent refusals. The whole failure table
//! is in `failures`.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_write_that_was_carried_out_without_an_answer_is_not_made_twice() {
    for (effect, in_place) in [
        (Effect::Lost { is_done: true }, true),
        (Effect::Hang { is_done: true }, false),
    ] {
        by_both(async |world| {
            world.put("a", 1, "1");
            world.apply([change("warm", 1)]).await;
            fail_writes(world, &effect, 1);
            let mut done = world.apply([change("a", 2).phone("2")]).await;
            if !in_place {
                assert_eq!(done.failed, [0], "it takes no time from others");
                world.pass(Duration::from_secs(20)).await;
                done = world.invoke().await;
            }
            assert_eq!(done.records, ["unchanged"]);
            assert_eq!(
                (world.column("a", "phone").as_str(), writes(world, "a")),
                ("2", 1)
            );
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_not_carried_out_is_made_again_after_a_read() {
    for effect in [Effect::Lost { is_done: false }, Effect::Status(503, vec![])] {
        by_both(async |world| {
            world.put("a", 1, "1");
            world.apply([change("warm", 1)]).await;
            fail_writes(world, &effect, 1);
            assert_eq!(
                world.apply([change("a", 2).phone("2")]).await.records,
                ["updated"]
            );
            assert_eq!(world.column("a", "phone"), "2");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn during_an_outage_changes_are_retried_later() {
    by_both(async |world| {
        world.put("a", 1, "1");
        world.apply([change("warm", 1)]).await;
        world.genesys.add_fault(Fault {
            method: None,
            ..Fault::status("GET", 503).on("contacts").times(50)
        });
        let done = world
            .apply([change("a", 2).phone("2"), change("a", 3).phone("3")])
            .await;
        assert_eq!(done.failed, [0, 1]);
        assert!(
            (15..=19).contains(&seconds(&done.records[0])),
            "{:?}",
            done.records
        );
        assert!(done.calls.len() <= 3, "{:?}", done.calls);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_renewed_once_and_a_429_is_waited_for() {
    by_both(async |world| {
        world.put("a", 1, "1");
        world.apply([change("warm", 1)]).await;
        world.genesys.revoke_tokens();
        world.genesys.add_fault(Fault {
            method: None,
            ..Fault::next(
                "GET",
                Effect::Status(429, vec![("retry-after", "2".to_owned())]),
            )
            .on("contacts")
            .after(1)
        });
        let done = world.apply([change("a", 2).phone("2")]).await;
        assert_eq!(done.records, ["updated"]);
        assert_eq!(
            done.calls
                .iter()
                .filter(|call| call.starts_with("token"))
                .count(),
            1,
            "{:?}",
            done.calls
        );
        assert!(done.took >= Duration::from_secs(2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_404_after_an_outage_parks_nothing() {
    by_both(async |world| {
        world.put("a", 1, "1");
        let status = Arc::new(AtomicU16::new(503));
        let answered = Arc::clone(&status);
        let transport = between(&world.genesys, move |genesys, request, timeout| {
            let status = answered.load(Ordering::Relaxed);
            async move {
                if status == 200 || request.uri().path().starts_with("/oauth") {
                    return genesys.send(request, timeout).await;
                }
                let answer = http::Response::builder().status(status);
                Ok(answer.body(Bytes::from_static(b"<html>")).unwrap())
            }
        });
        let copy = world.copy(Some(transport), |_| ());
        let next = async || {
            while !world.queue.in_flight().is_empty() {
                world.pass(Duration::from_secs(5)).await;
            }
            let invoked = world.invoke_copy(&copy, Some(Duration::from_secs(30)));
            invoked.await.records
        };
        world.send([change("a", 2).callable(false)]);
        let began = world.clock.now();
        while world.clock.now() < began + Duration::from_mins(20) {
            assert!(next().await[0].starts_with("retried"));
        }
        status.store(404, Ordering::Relaxed);
        assert!(next().await[0].starts_with("retried"));
        status.store(200, Ordering::Relaxed);
        assert_eq!(next().await, ["updated"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_campaign_is_looked_for_for_a_quarter_of_an_hour_and_then_its_changes_are_parked()
 {
    by_both(async |world| {
        world.send([
            change("a", 1).of("acme", "nowhere"),
            change("b", 1).of("acme", "nowhere").callable(false),
            // The campaigns of another org count as unknown.
            change("a", 1).of("acme", "other-campaign"),
        ]);
        let mut waited = 0;
        while !world.queue.is_empty() {
            if world.queue.in_flight().is_empty() {
                let records = world.invoke().await.records;
                let are_retried = records.iter().all(|record| record.starts_with("retried"));
                assert!(waited >= 15 || are_retried, "{waited} minutes: {records:?}");
            }
            world.pass(Duration::from_mins(1)).await;
            waited += 1;
            assert!(waited < 31, "it is given up");
        }
        for parked in world.parked() {
            assert_eq!(parked["reason"], "unknownCampaign");
            assert_eq!(parked["httpStatus"], "404");
        }
        assert_eq!(world.dead_letters.len(), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permanently_refused_change_is_parked_alone_and_its_opt_out_counts() {
    by_both(async |world| {
        world.put("bad", 1, "1");
        world.apply([change("warm", 1)]).await;
        let refused = Effect::Status(400, vec![]);
        if is_of_lists(world) {
            // The batch is refused, then the half with the bad contact, then that contact. The
            // write that makes it not callable succeeds.
            world.genesys.add_fault(
                Fault::next("POST", refused)
                    .on("/contacts")
                    .after(1)
                    .times(2),
            );
        } else {
            world
                .genesys
                .add_fault(Fault::next("PATCH", refused).on("bad"));
        }
        let changes = [
            change("bad", 2).phone("2").callable(false),
            change("good", 1).phone("1"),
        ];
        let done = world.apply(changes).await;
        assert_eq!(
            done.records,
            ["parked: rejected", "created"],
            "{:?}",
            done.calls
        );
        let (data, callable) = world.contact("bad");
        assert_eq!((data["phone"].as_str(), callable), ("1", false));
        assert_eq!(world.column("good", "phone"), "1");
    })
    .await;
}
