//! `campaign-sync send`, run as a real command: the rows of a file become messages in the queue.
//! `rows` has the rules for a row, and `queue` how the queue is filled.

mod again;
mod queue;
mod rows;

use std::fmt::Write as _;
use std::path::PathBuf;

use io::queue::Message;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::CAMPAIGN;
use crate::support::served::Served;

/// A temporary folder for the files of one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("send-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file with one change for each of this many contacts.
fn csv(contacts: usize) -> String {
    let mut text = "contactKey,version,callable,phone,firstName\n".to_owned();
    for n in 0..contacts {
        writeln!(
            text,
            "LEAD-{n},{},{},+1555{n:04},Ada {n}",
            100 + n,
            n % 7 != 0
        )
        .unwrap();
    }
    text
}

/// The arguments of the command for the campaign of the org `ranked`.
fn arguments<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["send", "--org", "ranked", "--campaign", CAMPAIGN, file];
    fixed.iter().chain(more).copied().collect()
}

async fn send(served: &Served, file: &str, more: &[&str]) -> (i32, Value, String) {
    let more: Vec<_> = ["--json"].iter().chain(more).copied().collect();
    served.command(&arguments(file, &more)).await
}

fn bodies(messages: &[Message]) -> Vec<Value> {
    messages
        .iter()
        .map(|message| serde_json::from_str(&message.body).unwrap())
        .collect()
}

#[tokio::test]
async fn every_row_is_in_the_queue_once_and_in_the_files_order() {
    let (served, folder) = (Served::new().await, Folder::new("all"));
    let file = folder.put("contacts.csv", csv(95));
    let (status, report, text) = send(&served, &file, &["--dry-run"]).await;
    assert_eq!(
        (status, report["rows"].as_u64(), report["sent"].as_u64()),
        (0, Some(95), Some(0)),
        "{text}"
    );
    assert!(served.queue.messages().is_empty(), "nothing is sent");
    for _ in 0..2 {
        // Sending twice does no harm: SQS drops the events as duplicates.
        let (status, report, text) = send(&served, &file, &[]).await;
        assert_eq!(
            (
                status,
                report["sent"].as_u64(),
                report["complete"].as_bool()
            ),
            (0, Some(95), Some(true)),
            "{text}"
        );
        let bodies = bodies(&served.queue.messages());
        let keys: Vec<_> = bodies
            .iter()
            .map(|body| body["contactKey"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            keys,
            (0..95).map(|n| format!("LEAD-{n}")).collect::<Vec<_>>()
        );
        let mut first = bodies[0].clone();
        assert!(
            first
                .as_object_mut()
                .unwrap()
                .remove("eventId")
                .unwrap()
                .as_str()
                .unwrap()
                .starts_with("send-")
        );
        let expected = json!({
            "schema": 1, "org": "ranked", "campaignId": CAMPAIGN, "contactKey": "LEAD-0", "version": 100, "source": "send",
            "callable": false, "data": { "phone": "+15550000", "firstName": "Ada 0" },
        });
        assert_eq!(first, expected);
        assert_eq!(
            folder.names(),
            ["contacts.csv"],
            "the state is removed once all is sent"
        );
    }
}

#[tokio::test]
async fn a_file_may_come_by_standard_input() {
    let (served, folder) = (Served::new().await, Folder::new("stdin"));
    let state = folder.0.join("state.json");
    let more = ["--format", "csv", "--state", state.to_str().unwrap()];
    let mut command = served.prepared(&arguments("-", &more));
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(csv(3).as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(served.queue.len(), 3);
    assert!(folder.names().is_empty());
}
