//! Contacts that an answer shows in a form that is not known.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_contact_that_cannot_be_read_takes_no_other_along() {
    for (member, value) in [
        ("data", json!({ "phone": 42 })),
        ("data", json!(null)),
        ("callable", json!("false")),
    ] {
        let world = world();
        for key in ["bad", "a", "out"] {
            world.put(key, 1, "1");
        }
        let spoil = move |contact: &mut Value| {
            if contact["id"] == "bad" {
                contact[member] = value.clone();
            }
        };
        let copy = altered(&world, "/bulk", spoil);
        let thirty = Some(Duration::from_secs(30));
        world.send([
            change("bad", 2).phone("2"),
            change("a", 2).phone("2"),
            change("out", 2).callable(false),
        ]);
        let done = world.invoke_copy(&copy, thirty).await;
        assert_eq!(done.failed, [0], "{member}: {done:?}");
        assert_eq!(done.records[1..], ["updated", "updated"], "{member}");
        assert_eq!(world.column("bad", "phone"), "1", "nothing is guessed");
        is_in_no_doubt(&world, &copy).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_shows_a_contact_in_an_unknown_form_is_looked_at_by_a_read() {
    let world = world();
    world.put("bad", 1, "1");
    world.put("a", 1, "1");
    let copy = altered(&world, "/contacts", |contact| {
        if contact["id"] == "bad" {
            contact["data"] = json!({ "phone": 42 });
        }
    });
    world.send([change("bad", 2).phone("2"), change("a", 2).phone("2")]);
    let done = world
        .invoke_copy(&copy, Some(Duration::from_secs(30)))
        .await;
    assert_eq!(done.records, ["unchanged", "updated"]);
    assert_eq!(world.column("bad", "phone"), "2");
    is_in_no_doubt(&world, &copy).await;
}

/// Checks that no contact of the campaign is thought to make calls fail: contacts share calls.
async fn is_in_no_doubt(world: &World, copy: &apply::Context) {
    world.send((0..5).map(|n| change(&format!("new-{n}"), 1)));
    let done = world.invoke_copy(copy, Some(Duration::from_secs(30))).await;
    assert_eq!(done.calls, ["POST bulk 200", "POST contacts 200"]);
}
