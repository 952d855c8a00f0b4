//! The messages of commands when the operator's credentials may not read a secret. They do not
//! mention the function's role.

use crate::support::CAMPAIGN;
use crate::support::served::Served;

const YOURS: &str =
    "your credentials may not read it, or not decrypt it: they need secretsmanager:GetSecretValue";

#[tokio::test]
async fn every_command_blames_the_operators_credentials_for_a_denied_secret() {
    let served = Served::new().await;
    served.park("ranked", "LEAD-1", "evt_1", Some(1), "retryHorizon");
    served.deny("secretsmanager.GetSecretValue");
    let rows = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("denied.csv");
    std::fs::write(&rows, "contactKey,version,phone\nLEAD-1,1,1\n").unwrap();
    let of = ["--org", "ranked", "--campaign", CAMPAIGN];
    let contact = ["LEAD-1", "--reason", "r", "--dry-run"];
    let mut others = Vec::new();
    for arguments in [
        vec!["status", "--org", "ranked"],
        [&["reconcile", "--dry-run"], &of[..]].concat(),
        [&["contact", "adopt"], &of[..]].concat(),
        [&["contact", "show", "LEAD-1"], &of[..]].concat(),
        [&["contact", "reset-rank"], &contact[..], &of[..]].concat(),
        [&["dnc", "remove", "--org", "ranked"], &contact[..]].concat(),
        [&["send", rows.to_str().unwrap()], &of[..]].concat(),
        vec!["feed", "test", "--org", "ranked"],
        vec!["source", "test", "--source", "crm", rows.to_str().unwrap()],
        vec!["dlq", "redrive", "--dry-run"],
        vec!["check", "--org", "ranked"],
    ] {
        let (status, _, text) = served.command(&arguments).await;
        assert_ne!(status, 0, "{arguments:?}: {text}");
        // A table may break the line.
        let words: Vec<_> = text.split_whitespace().collect();
        let words = words.join(" ").replace("│ ", "").replace(" ┆", "");
        if !words.contains(YOURS) || words.contains("function's role") {
            others.push(format!("{arguments:?}: {text}"));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
}
