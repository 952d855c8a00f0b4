//! What is sent again: after a run that was killed or that sent nothing, and when a file without
//! ranks is sent a second time.

use serde_json::Value;

use super::{Folder, arguments, csv, send};
use crate::support::served::Served;

#[tokio::test]
async fn after_a_killed_run_rows_without_a_rank_are_sent_again_only_if_that_is_asked_for() {
    let (served, folder) = (Served::new().await, Folder::new("killed"));
    let unranked = csv(40).replace("version", "note");
    let file = folder.put("contacts.csv", unranked);
    let flags = ["--unranked", "--ignore", "note"];
    served.sqs.refuse_entry("\"LEAD-13\"", true);
    let (status, _, shown) = send(&served, &file, &flags).await;
    assert_eq!(status, 1, "{shown}");
    // The file then holds the state that a killed run would have left.
    let path = folder.0.join("contacts.csv.send-state.json");
    let ended = std::fs::read_to_string(&path).unwrap();
    assert!(!ended.contains("underWay"), "{ended}");
    let killed = ended.replacen('{', "{\"underWay\":true,", 1);
    std::fs::write(&path, &killed).unwrap();
    let sent = served.queue.messages().len();
    let (status, _, shown) = send(&served, &file, &flags).await;
    assert!(
        status == 2 && shown.contains("pass --resend if nothing did"),
        "{shown}"
    );
    assert_eq!(served.queue.messages().len(), sent);
    let (status, _, shown) = send(&served, &file, &[&flags[..], &["--resend"]].concat()).await;
    assert_eq!(status, 0, "{shown}");
    assert_eq!(served.queue.messages().len(), 40);
}

#[tokio::test]
async fn a_run_that_sent_nothing_leaves_no_state() {
    let (served, folder) = (Served::new().await, Folder::new("nothing"));
    let file = folder.put("contacts.csv", csv(2));
    let elsewhere = format!("{}/000000000000/nowhere.fifo", served.base);
    let mut command = served.prepared(&arguments(&file, &["--yes"]));
    let output = command.env("QUEUE_URL", elsewhere).output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(folder.names(), ["contacts.csv"]);
    let (status, _, shown) = send(&served, &file, &[]).await;
    assert_eq!(status, 0, "{shown}");
    assert_eq!(served.queue.messages().len(), 2);
}

#[tokio::test]
async fn an_opt_out_without_a_rank_that_is_sent_again_is_not_dropped_by_the_queue() {
    let (served, folder) = (Served::new().await, Folder::new("again"));
    let file = folder.put("opt-out.csv", "contactKey,callable\nLEAD-1,false\n");
    let flags = ["--unranked", "--yes"];
    for sent in 1..=2 {
        let (status, _, shown) = send(&served, &file, &flags).await;
        assert_eq!(status, 0, "{shown}");
        assert_eq!(served.queue.messages().len(), sent, "{shown}");
    }
    // A run that goes on sends the same events: the queue drops what it has.
    served.sqs.refuse_entry("\"LEAD-3\"", true);
    let rows = "contactKey,callable\nLEAD-2,false\nLEAD-3,false\n";
    let file = folder.put("opt-out.csv", rows);
    let (status, _, shown) = send(&served, &file, &flags).await;
    assert_eq!(status, 1, "{shown}");
    let path = folder.0.join("opt-out.csv.send-state.json");
    let state = std::fs::read_to_string(&path).unwrap();
    let run: Value = serde_json::from_str(&state).unwrap();
    assert!(run["run"].is_string(), "{state}");
    let killed = state.replacen("\"sent\":1", "\"underWay\":true,\"sent\":0", 1);
    assert_ne!(killed, state);
    std::fs::write(&path, killed).unwrap();
    let (status, _, shown) = send(&served, &file, &[&flags[..], &["--resend"]].concat()).await;
    assert_eq!(status, 0, "{shown}");
    assert_eq!(served.queue.messages().len(), 4);
    assert_eq!(served.queue.deduplicated(), 1);
}
