//! How far a file was sent, in a small file beside it: no row is kept in it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What was sent of which file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct State {
    /// Hex SHA-256 of the file, and of what its columns mean.
    pub(super) digest: String,
    pub(super) org: String,
    pub(super) campaign_id: String,
    /// Rows from the first on that are in the queue.
    pub(super) sent: u64,
    /// The rows behind these that are in the queue too, counted from 0: some were sent side by side with
    /// one that was not taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sent_beyond: Vec<u64>,
}

impl State {
    /// How many rows are in the queue.
    pub(super) fn all_sent(&self) -> u64 {
        self.sent + self.sent_beyond.len() as u64
    }
}

/// The file of a state.
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn new(path: PathBuf) -> StateFile {
        StateFile(path)
    }

    /// Where it is, unless one is named: beside the file that is sent.
    pub(super) fn beside(file: &Path) -> PathBuf {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(".send-state.json");
        file.with_file_name(name)
    }

    pub(super) fn path(&self) -> std::path::Display<'_> {
        self.0.display()
    }

    pub(super) fn read(&self) -> Result<Option<State>, String> {
        match fs::read(&self.0) {
            Ok(bytes) => {
                let state = serde_json::from_slice(&bytes);
                state
                    .map(Some)
                    .map_err(|_| format!("{}: expected the state of an earlier send", self.path()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", self.path())),
        }
    }

    /// All or nothing: whoever reads it never finds half of it.
    pub(super) fn write(&self, state: &State) -> Result<(), String> {
        let mut beside = self.0.clone().into_os_string();
        beside.push(".new");
        let bytes = serde_json::to_vec(state).map_err(|error| error.to_string())?;
        let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, &self.0));
        written.map_err(|error| format!("{}: {error}", self.path()))
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
