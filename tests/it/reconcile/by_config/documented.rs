//! The feed secrets that the documentation shows.

use io::secrets::FeedSecret;
use secrecy::SecretString;

use super::*;

const PAGES: [&str; 2] = [
    include_str!("../../../../docs/contract.md"),
    include_str!("../../../../docs/reconciliation.md"),
];

/// The examples of feeds by configuration, with the omitted members filled in.
fn examples() -> Vec<String> {
    let blocks = PAGES
        .iter()
        .flat_map(|page| page.split("```json\n").skip(1));
    let blocks = blocks.map(|block| block.split("```").next().unwrap().replace('…', "x"));
    blocks
        .filter(|block| block.contains("\"request\": {"))
        .collect()
}

#[test]
fn every_example_is_a_feed() {
    let examples = examples();
    assert_eq!(examples.len(), 4);
    for example in examples {
        let read = FeedSecret::parse(&SecretString::from(example.clone()), false);
        let is_for_one = read.as_ref().is_ok_and(FeedSecret::asks_for_a_campaign);
        assert!(is_for_one, "{read:?}: {example}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_example_of_a_search_reads_records() {
    let examples = examples();
    let search = examples
        .iter()
        .find(|example| example.contains("hubapi"))
        .unwrap();
    let search: Value = serde_json::from_str(search).unwrap();
    let mut search = search;
    search["campaigns"] = json!({ (CAMPAIGN): { "name": "spring" } });
    let run = Run::new(&search, |asked, _| {
        let record = |id: &str, properties: Value| json!({ "id": id, "properties": properties });
        let properties = |dnc: &str| json!({ "firstname": "A", "phone": "5", "do_not_call": dnc, "lastmodifieddate": "2026-11-24T15:30:00.000Z" });
        let mut silent = properties("true");
        silent.as_object_mut().unwrap().remove("do_not_call");
        let many: Vec<_> = (1..=200)
            .map(|id| record(&id.to_string(), properties("false")))
            .collect();
        let rest = vec![record("201", properties("true")), record("202", silent)];
        let results = match asked.body.as_str() {
            body if body.contains(r#""value":"200""#) => rest,
            body if body.contains(r#""value":"202""#) => Vec::new(),
            _ => many,
        };
        (200, vec![], json!({ "results": results }).to_string())
    });
    let answer = run
        .run(json!({ "dryRun": true, "force": true }))
        .await
        .unwrap();
    assert_eq!((run.asked().len(), answer.checked), (3, 201), "{answer:?}");
    assert!(!answer.complete, "a contact without an opt-out is faulty");
}
