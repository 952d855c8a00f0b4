//! How the pages of a feed by configuration are requested and follow each other, and what becomes
//! of their items. Credentials are in `auth`.

use super::*;
use crate::support::OTHER_CAMPAIGN;

#[tokio::test(start_paused = true)]
async fn each_way_to_the_next_page_ends_after_the_last() {
    let with_cursor =
        json!({ "url": "https://crm.test/v1/contacts", "query": { "at": "{cursor}" } });
    for (more, first, second, expected) in [
        (
            json!({ "request": with_cursor, "next": { "cursor": "/paging/next" } }),
            page(&["a", "b"], &json!({ "paging": { "next": "x&y" } })),
            page(&["c"], &json!({})),
            "/v1/contacts?at=x%26y",
        ),
        (
            json!({ "request": with_cursor, "next": { "keyset": "/id" } }),
            page(&["a", "b"], &json!({})),
            page(&["c"], &json!({})),
            "/v1/contacts?at=b",
        ),
        (
            json!({ "request": { "url": "https://crm.test/v1/contacts" }, "next": { "offset": { "param": "start" } } }),
            page(&["a", "b"], &json!({})),
            page(&["c"], &json!({})),
            "/v1/contacts?start=2",
        ),
        (
            json!({ "next": { "link": "/@odata.nextLink" } }),
            page(
                &["a", "b"],
                &json!({ "@odata.nextLink": "https://crm.test/v1/contacts?$skiptoken=%253c1" }),
            ),
            page(&["c"], &json!({})),
            "/v1/contacts?$skiptoken=%253c1",
        ),
        (
            json!({ "next": { "linkHeader": true } }),
            (
                200,
                vec![("link", "</v1/contacts?page=2>; rel=\"next\"".into())],
                page(&["a", "b"], &json!({})).2,
            ),
            page(&["c"], &json!({})),
            "/v1/contacts?page=2",
        ),
    ] {
        let run = Run::new(&secret(&more), move |_, before| match before {
            0 => first.clone(),
            1 => second.clone(),
            _ => page(&[], &json!({})),
        });
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!(
            (answer.checked, answer.enqueued, answer.complete),
            (3, 3, true),
            "{more}"
        );
        assert_eq!(run.keys(), ["a", "b", "c"]);
        let urls = run.urls();
        // Only a page without items ends these ways of paging: another page may follow a short one.
        let next = &more["next"];
        let ends_empty = ["keyset", "offset"]
            .iter()
            .any(|way| next.get(way).is_some());
        assert_eq!(urls.len(), 2 + usize::from(ends_empty), "{more}");
        assert_eq!(urls[1], format!("https://crm.test{expected}"));
        assert_eq!(run.asked()[1].header("authorization"), "Bearer hush-token");
    }
    let run = Run::new(&secret(&json!({})), |_, _| {
        page(&["a"], &json!({ "next": "more" }))
    });
    assert_eq!(run.run(json!({})).await.unwrap().checked, 1);
    assert_eq!(run.urls().len(), 1, "without next there is one page");
}

#[tokio::test(start_paused = true)]
async fn no_token_goes_to_another_origin() {
    for link in [
        "https://evil.test/v1",
        "//evil.test/v1",
        "http://crm.test/v1",
        "https://crm.test:8443/v1",
    ] {
        let more = json!({ "next": { "link": "/next" } });
        let run = Run::new(&secret(&more), move |_, _| {
            page(&["a"], &json!({ "next": link }))
        });
        assert!(
            run.error()
                .await
                .contains("next: the link leads to another origin")
        );
        assert_eq!(run.urls().len(), 1, "{link}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_without_an_end_is_an_error() {
    let more = json!({ "request": { "url": "https://crm.test/", "query": { "at": "{cursor}" } }, "next": { "cursor": "/next" } });
    let run = Run::new(&secret(&more), |_, _| page(&["a"], &json!({ "next": "x" })));
    assert!(run.error().await.contains("it has no end"));
    assert_eq!(run.urls().len(), 2);
    // Each cursor is new, but none of the items is a contact.
    let run = Run::new(&secret(&more), |_, before| {
        (
            200,
            vec![],
            json!({ "items": [{ "other": true }], "next": before }).to_string(),
        )
    });
    assert!(run.error().await.contains("it has no end"));
}

#[tokio::test(start_paused = true)]
async fn pages_without_contacts_do_not_count_as_a_feed_without_an_end() {
    let more = json!({ "request": { "url": "https://crm.test/", "query": { "at": "{cursor}" } }, "next": { "cursor": "/next" } });
    let run = Run::new(&secret(&more), |_, before| {
        let next = (before < 70).then_some(before);
        (
            200,
            vec![],
            json!({ "items": [{ "other": before + 1 }], "next": next }).to_string(),
        )
    });
    assert!(run.run(json!({})).await.unwrap().complete);
    assert_eq!(run.urls().len(), 71);
}

#[tokio::test(start_paused = true)]
async fn items_become_changes_and_a_deleted_record_creates_no_contact() {
    let run = Run::new(&secret(&json!({})), |_, _| {
        let gone = |id: &str| json!({ "id": id, "rank": 6, "gone": true });
        let items = [
            item("new"),
            item("same"),
            gone("there"),
            gone("nobody"),
            json!({ "other": 1 }),
        ];
        (200, vec![], json!({ "items": items }).to_string())
    });
    run.world.put("same", 5, "5");
    run.world.put("there", 5, "5");
    let answer = run.run(json!({})).await.unwrap();
    assert_eq!(
        (
            answer.checked,
            answer.missing,
            answer.different,
            answer.enqueued
        ),
        (4, 1, 1, 2)
    );
    assert_eq!(run.keys(), ["new", "there"]);
    while !run.world.queue.is_empty() {
        run.world.invoke().await;
    }
    assert!(!run.world.contact("there").1 && run.world.contact("new").1);
    assert!(!run.world.genesys.contacts(CAMPAIGN).contains_key("nobody"));
    let again = run.run(json!({})).await.unwrap();
    assert_eq!((again.missing, again.different, again.enqueued), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_mapped_costs_only_itself_and_its_opt_out_takes_effect() {
    let run = Run::new(&secret(&json!({})), |_, _| {
        let late = json!({ "id": "late", "rank": 6, "phone": ["hush"], "dnc": true });
        let silent = json!({ "id": "silent", "rank": 6, "phone": "hush" });
        (200, vec![], json!({ "items": [item("good"), late, silent, "hush", { "id": 7, "rank": 5, "dnc": false, "phone": "hush" }] }).to_string())
    });
    run.world.put("late", 5, "5");
    run.world.put("silent", 5, "5");
    let lines = Lines::default();
    let writer = lines.clone();
    let log = subscriber(move || writer.clone(), LevelFilter::INFO);
    let answer = run.run(json!({})).with_subscriber(log).await.unwrap();
    assert_eq!(
        (answer.checked, answer.enqueued, answer.complete),
        (2, 2, false)
    );
    assert_eq!(run.keys(), ["good", "late"]);
    let told = lines.take();
    assert!(!told.contains("hush"), "{told}");
    let details: Vec<_> = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["message"] == "contact of the feed is faulty and left out")
        .map(|line| line["detail"].as_str().unwrap().to_owned())
        .collect();
    let places = [
        "page 1, /items/1: jq: ",
        "page 1, /items/2: in a change that the mapping makes, callable: ",
        "page 1, /items/3: jq: ",
        "page 1, /items/4: in a change",
    ];
    assert_eq!(details.len(), places.len(), "{details:?}");
    for (detail, place) in details.iter().zip(places) {
        assert!(detail.starts_with(place), "{detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_not_as_the_secret_says_stops_the_run() {
    let more = json!({ "request": { "url": "https://crm.test/", "query": { "at": "{cursor}" } },
                       "next": { "keyset": "/id" } });
    for (text, expected) in [
        ("hush", "the page is not JSON, or it is cut short"),
        (r#"{"items": ["#, "the page is not JSON, or it is cut short"),
        (r#"{"item": []}"#, "items: expected a pointer to a list"),
        (
            r#"{"items": {"id": "hush"}}"#,
            "items: expected a pointer to a list",
        ),
        (r#"{"items": null}"#, "items: expected a pointer to a list"),
        (
            r#"{"items": [], "items": []}"#,
            "items: a name occurs twice in one object",
        ),
        (
            r#"{"items": [{"id": "hush' OR"}]}"#,
            "next.keyset: expected a pointer to the item's id",
        ),
        (
            r#"{"items": [{"ID": "hush"}]}"#,
            "next.keyset: expected a pointer to the item's id",
        ),
    ] {
        let run = Run::new(&secret(&more), |_, _| (200, vec![], text.to_owned()));
        let error = run.error().await;
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_mapping_items_are_changes_and_the_body_may_be_the_list() {
    let run = Run::new(
        &secret(&json!({ "mapping": null, "items": null })),
        |_, _| {
            (
                200,
                vec![],
                r#"[{"contactKey": "a", "version": 5, "data": {"phone": "5"}}]"#.to_owned(),
            )
        },
    );
    assert_eq!(run.run(json!({})).await.unwrap().enqueued, 1);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_says_there_is_nothing_is_an_empty_last_page() {
    let run = Run::new(&secret(&json!({ "empty": [204, 304] })), |_, before| {
        status([204, 304][before])
    });
    for _ in 0..2 {
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!((answer.checked, answer.complete), (0, true));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_spaced_and_wait_as_long_as_a_429_asks() {
    let more = json!({ "next": { "link": "/next" }, "minIntervalMs": 250 });
    let run = Run::new(&secret(&more), |_, before| match before {
        3 => (429, vec![("retry-after", "20".into())], String::new()),
        0..5 => page(
            &[&format!("k{before}")],
            &json!({ "next": format!("?page={before}") }),
        ),
        _ => page(&["last"], &json!({})),
    });
    run.run(json!({})).await.unwrap();
    let at: Vec<_> = run.asked().iter().map(|asked| asked.at).collect();
    assert_eq!(at.len(), 6);
    let apart: Vec<_> = at
        .windows(2)
        .map(|two| two[1].duration_since(two[0]).as_millis())
        .collect();
    assert!(
        apart.iter().all(|apart| *apart >= 250) && apart[3] >= 20_000,
        "{apart:?}"
    );
    run.run(json!({})).await.unwrap();
    let all = run.asked();
    assert!(
        all[6].at.duration_since(all[5].at).as_millis() >= 250,
        "from one run to the next too"
    );
}

#[tokio::test(start_paused = true)]
async fn each_campaign_is_requested_with_its_own_texts_and_an_overlap_of_the_window() {
    let more = json!({
        "request": { "method": "POST", "url": "https://crm.test/lists/{campaign.list}/search",
                     "body": { "filters": ["{since:ms}", "{since:date}", { "after": "{cursor}", "name": "{campaign.name}" }], "limit": 2 } },
        "campaigns": { (CAMPAIGN): { "list": "a/b", "name": "\"é\" & 'x'" }, (OTHER_CAMPAIGN): { "list": "2", "name": "n" } },
        "next": { "cursor": "/next" }, "overlapSeconds": 600,
    });
    let run = Run::new(&secret(&more), |asked, _| {
        match asked.body.contains("after") {
            false => page(&["a"], &json!({ "next": "\"x\"" })),
            true => page(&["b"], &json!({})),
        }
    });
    run.run(json!({ "campaignIds": [CAMPAIGN, OTHER_CAMPAIGN] }))
        .await
        .unwrap();
    let all = run.asked();
    let of = |list: &str| -> Vec<Value> {
        let of = all.iter().filter(|asked| asked.url.contains(list));
        of.map(|asked| serde_json::from_str(&asked.body).unwrap())
            .collect()
    };
    let since = "2026-11-24T14:50:00Z"
        .parse::<Timestamp>()
        .unwrap()
        .as_millisecond()
        .to_string();
    let filters = |third: Value| json!({ "filters": [since, "2026-11-24", third], "limit": 2 });
    let first = of("/lists/a%2Fb/search");
    assert_eq!(
        first,
        [
            filters(json!({ "name": "\"é\" & 'x'" })),
            filters(json!({ "after": "\"x\"", "name": "\"é\" & 'x'" }))
        ]
    );
    assert_eq!(of("/lists/2/search").len(), 2);
    assert!(
        all.iter()
            .all(|asked| asked.method == "POST"
                && asked.header("content-type") == "application/json")
    );

    let run = Run::new(
        &secret(&json!({ "request": { "url": "https://crm.test/{campaign.list}" } })),
        |_, _| status(500),
    );
    let error = run.error().await;
    assert!(
        error.contains(CAMPAIGN) && error.contains("expected \"list\" of this campaign"),
        "{error}"
    );
    assert!(run.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_at_a_link_where_it_stopped() {
    let more = json!({ "next": { "link": "/next" } });
    let run = Run::new(&secret(&more), |asked, _| {
        let is_second = asked.url.contains("more");
        let keys: Vec<_> = (0..if is_second { 200 } else { 30 })
            .map(|n| format!("{is_second}{n}"))
            .collect();
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let next = (!is_second).then_some("https://crm.test/v1/more?at=%2520");
        page(&keys, &json!({ "next": next }))
    });
    // The run compares 60 contacts a minute.
    let first = run
        .run_for(Duration::from_mins(3), json!({ "force": true }))
        .await
        .unwrap();
    assert!(
        !first.complete && (30..230).contains(&first.checked),
        "{first:?}"
    );
    let asked = run.asked().len();
    let second = run
        .run(json!({ "cursor": first.cursor, "force": true }))
        .await
        .unwrap();
    assert!(second.complete);
    assert_eq!(run.urls()[asked..], ["https://crm.test/v1/more?at=%2520"]);
}
