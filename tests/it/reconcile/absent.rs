//! Items of a feed that may create nobody.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_absent_contact_that_need_not_be_there_is_no_drift() {
    by_both(async |run| {
        run.world.put("there", 1, "1");
        run.world.put("gone", 1, "1");
        let skip = json!({ "ifAbsent": "skip" });
        let out = |if_absent: &str| json!({ "ifAbsent": if_absent, "callable": false });
        run.says_more("there", 2, "2", skip.clone());
        run.says_more("absent", 2, "2", skip);
        run.says_more("gone", 2, "1", out("skipOptOut"));
        run.says_more("absent-and-gone", 2, "2", out("skipOptOut"));
        run.says_more("opted-out", 2, "2", out("skip"));
        let answer = run.run(json!({})).await.unwrap();
        assert_eq!(counts(&answer), [5, 1, 2, 0, 0, 3]);
        run.apply_all().await;
        assert_eq!(run.world.column("there", "phone"), "2");
        assert!(!run.world.contact("gone").1 && !run.world.contact("opted-out").1);
        assert_eq!(run.world.genesys.contacts(CAMPAIGN).len(), 3);
        let again = run.run(json!({ "windowMinutes": 61 })).await.unwrap();
        assert_eq!(counts(&again), [5, 0, 0, 0, 0, 0]);
    })
    .await;
}
