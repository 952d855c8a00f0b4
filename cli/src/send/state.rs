//! Keeps how far a file was sent, in a small file beside it.
//!
//! The same command continues from there. A hash of the file, of the flags and of the queue shows
//! whether it is the same. No row is kept. The queue is filled in [`feeder`](super::feeder).

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use domain::outbox::MAX_ENTRIES_PER_CALL;
use io::queue::SIDE_BY_SIDE;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Args;
use super::rows::Format;
use crate::table::{counted, number};

/// The most rows that calls have under way.
const MAX_UNDER_WAY: usize = SIDE_BY_SIDE * MAX_ENTRIES_PER_CALL;

/// How many rows of which file were sent, and to where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SendState {
    /// Hex SHA-256 of the file, and of what its columns mean.
    pub(super) digest: String,
    /// A part of the event ids of this run, and of those that go on from it. With `--unranked` it
    /// is another one for each run that begins at the first row: whoever sends an opt-out again
    /// wants it to count again, and the queue would drop the same event for five minutes. With
    /// ranks it is empty, because a rank makes the same row change nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) run: String,
    pub(super) org: String,
    pub(super) campaign_id: String,
    /// How many rows from the first one on are in the queue.
    pub(super) sent: u64,
    /// The places, counted from 0, of later rows that are in the queue too: calls run side by side,
    /// and the queue did not accept a row before them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sent_beyond: Vec<u64>,
    /// Whether the queue may hold more rows than this state knows: calls were under way when it
    /// was written, or got no answer. A run that reads `true` follows a run that was killed, or
    /// that ended after such a call.
    #[serde(
        default,
        rename = "underWay",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub(super) is_under_way: bool,
}

impl SendState {
    /// How many rows are in the queue.
    pub(super) fn all_sent(&self) -> u64 {
        self.sent + self.sent_beyond.len() as u64
    }
}

/// The file that keeps a state.
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn new(path: PathBuf) -> StateFile {
        StateFile(path)
    }

    /// The path beside the file that is sent. It is used if no other is named.
    pub(super) fn beside(file: &Path) -> PathBuf {
        if file == Path::new("-") {
            return PathBuf::from("standard-input.send-state.json");
        }
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(".send-state.json");
        file.with_file_name(name)
    }

    pub(super) fn path(&self) -> std::path::Display<'_> {
        self.0.display()
    }

    pub(super) fn read(&self) -> Result<Option<SendState>, String> {
        match fs::read(&self.0) {
            Ok(bytes) => {
                let state = serde_json::from_slice(&bytes);
                state
                    .map(Some)
                    .map_err(|_| {
                        format!(
                            "{}: expected the state of an earlier send; delete it, or pass --restart to send the file from its first \
                             row",
                            self.path()
                        )
                    })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", self.path())),
        }
    }

    /// Checks that a state can be written, before any row is sent: a row whose place is not kept is
    /// sent again.
    pub(super) fn check_writable(&self) -> Result<(), String> {
        let beside = self.new_path();
        let written = fs::write(&beside, b"").and_then(|()| fs::remove_file(&beside));
        written.map_err(|error| format!("--state {}: cannot be written: {error}", self.path()))
    }

    /// The file that a state is written to before it takes its place.
    fn new_path(&self) -> PathBuf {
        let mut beside = self.0.clone().into_os_string();
        beside.push(".new");
        beside.into()
    }

    /// Writes the state by a rename, so that no reader finds half of it.
    pub(super) fn write(&self, state: &SendState) -> Result<(), String> {
        let beside = self.new_path();
        let bytes = serde_json::to_vec(state).map_err(|error| error.to_string())?;
        let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, &self.0));
        written.map_err(|error| format!("{}: {error}", self.path()))
    }

    /// Writes the state of a run that ended early. If nothing can be in the queue, no state is left,
    /// so that the next run may be of another file.
    pub(super) fn write_or_remove(&self, state: &SendState) -> Result<(), String> {
        if state.all_sent() == 0 && !state.is_under_way {
            return self.remove();
        }
        self.write(state)
    }

    pub(super) fn remove(&self) -> Result<(), String> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("{}: {error}", self.path()))
            }
            _ => Ok(()),
        }
    }
}

/// A hash of all that decides what a row becomes and where it goes. The bytes of the file are still
/// to be added.
pub(super) fn digest(args: &Args, format: Format, queue_url: &str) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(format!(
        "{queue_url} {format:?} {:?} {:?} {:?}\n",
        args.encoding, args.mapping, args.as_of
    ));
    hash
}

/// How far an earlier run of the same command sent the file.
pub(super) fn known(
    args: &Args,
    file: &StateFile,
    digest: String,
    now: Timestamp,
) -> Result<SendState, String> {
    let (org, campaign_id) = (args.org.to_string(), args.campaign.to_string());
    let begin = SendState {
        digest,
        run: if args.unranked {
            now.as_nanosecond().to_string()
        } else {
            String::new()
        },
        org,
        campaign_id,
        sent: 0,
        sent_beyond: Vec::new(),
        is_under_way: false,
    };
    if args.restart || args.dry_run {
        return Ok(begin);
    }
    let Some(known) = file.read()? else {
        return Ok(begin);
    };
    let is_same = |known: &SendState| {
        let of =
            |state: &SendState| [&state.digest, &state.org, &state.campaign_id].map(String::clone);
        of(known) == of(&begin)
    };
    if is_same(&known) && known.is_under_way && args.unranked && !args.resend {
        return Err(format!(
            "{}: the run before was killed, or a call had no answer: up to {} behind the first {} may be in the queue already. Without ranks (--unranked), \
             sending them again could overwrite what came since: pass --resend if nothing did, or if it may be overwritten",
            file.path(),
            counted(MAX_UNDER_WAY as u64, "row"),
            number(known.sent)
        ));
    }
    if is_same(&known) {
        return Ok(known);
    }
    Err(format!(
        "{}: an earlier run sent {} of another file, or to another queue or campaign, or with other flags: pass --restart to send {} from its \
         first row on",
        file.path(),
        counted(known.all_sent(), "row"),
        args.file.display()
    ))
}
