//! The candidates that are measured: apply or ingest, and peers in Python and Node.
//!
//! A candidate is a command and says which scenarios it plays. `crate::environment` runs it.

use std::path::Path;

use crate::scenario::{Api, Scenario};

/// Whether a candidate can play a scenario.
type Plays = fn(&Scenario) -> bool;

/// A function to measure: a command that polls the Runtime API, as a bootstrap of Lambda does.
pub(crate) struct Candidate {
    pub(crate) name: String,
    /// The function whose work it does: apply or ingest.
    pub(crate) function: &'static str,
    pub(crate) command: Vec<String>,
    pub(crate) folder: String,
    pub(crate) handler: &'static str,
    /// Whether it stores the rank, which the peers do not.
    pub(crate) is_ours: bool,
    pub(crate) plays: Plays,
}

/// A candidate that handles one record after the other would take too long for a backlog.
fn batches(scenario: &Scenario) -> bool {
    groups(scenario) && scenario.backlog.is_none()
}

fn groups(scenario: &Scenario) -> bool {
    scenario.api == Api::Predictive && scenario.every.is_none()
}

fn lists(scenario: &Scenario) -> bool {
    scenario.api == Api::ContactLists
}

/// Without a backlog, this peer does the same as the one without a top-up.
fn top_up(scenario: &Scenario) -> bool {
    groups(scenario) && scenario.backlog.is_some()
}

fn lists_top_up(scenario: &Scenario) -> bool {
    lists(scenario) && scenario.backlog.is_some()
}

impl Candidate {
    pub(crate) fn apply(path: &Path, name: &str) -> Result<Candidate, String> {
        Candidate::ours(path, name, "apply")
    }

    pub(crate) fn ingest(path: &Path) -> Result<Candidate, String> {
        Candidate::ours(path, "ingest", "ingest")
    }

    fn ours(path: &Path, name: &str, function: &'static str) -> Result<Candidate, String> {
        let path = path
            .canonicalize()
            .map_err(|error| format!("--{function} {}: {error}", path.display()))?;
        let command = vec![path.display().to_string()];
        Ok(Candidate {
            name: name.to_owned(),
            function,
            command,
            folder: ".".to_owned(),
            handler: "bootstrap",
            is_ours: true,
            plays: |_| true,
        })
    }

    /// The peers that are set up in this folder. `node_program` runs those in Node.
    pub(crate) fn peers(folder: &Path, node_program: &str) -> Result<Vec<Candidate>, String> {
        let folder = folder
            .canonicalize()
            .map_err(|error| format!("--peers {}: {error}", folder.display()))?;
        let mut peers = Candidate::python_peers(&folder.join("python"));
        peers.extend(Candidate::node_peers(&folder.join("node"), node_program));
        Ok(peers)
    }

    fn python_peers(folder: &Path) -> Vec<Candidate> {
        let interpreter = folder.join(".venv/bin/python").display().to_string();
        if !Path::new(&interpreter).exists() {
            return Vec::new();
        }
        let peers: [(_, Plays, _); 5] = [
            ("python", batches, "handler.handler"),
            ("python-groups", groups, "handler_groups.handler"),
            ("python-topup", top_up, "handler_topup.handler"),
            ("python-lists", lists, "handler_lists.handler"),
            (
                "python-lists-topup",
                lists_top_up,
                "handler_lists_topup.handler",
            ),
        ];
        let peer = |(name, plays, handler)| {
            let command = [&interpreter, "-m", "awslambdaric", handler];
            Candidate::peer(name, plays, folder, &command, handler)
        };
        peers.into_iter().map(peer).collect()
    }

    fn node_peers(folder: &Path, program: &str) -> Vec<Candidate> {
        if !folder.join("dist/index.js").exists() {
            return Vec::new();
        }
        // aws-lambda-ric compiles a native part if cmake and other tools are installed. Otherwise a
        // small loop replaces it.
        let has_ric = folder
            .join("node_modules/aws-lambda-ric/dist/rapid-client.node")
            .exists();
        let peers: [(_, Plays, _, _); 3] = [
            ("node", batches, "dist/index.handler", "dist/index.js"),
            (
                "node-groups",
                groups,
                "dist/groups.handler",
                "dist/groups.js",
            ),
            ("node-lists", lists, "dist/lists.handler", "dist/lists.js"),
        ];
        let peer = |(name, plays, handler, file)| {
            let (client, what) = if has_ric {
                ("node_modules/aws-lambda-ric/bin/index.mjs", handler)
            } else {
                ("runtime.mjs", file)
            };
            Candidate::peer(name, plays, folder, &[program, client, what], handler)
        };
        peers.into_iter().map(peer).collect()
    }

    fn peer(
        name: &str,
        plays: Plays,
        folder: &Path,
        command: &[&str],
        handler: &'static str,
    ) -> Candidate {
        Candidate {
            name: name.to_owned(),
            function: "apply",
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            folder: folder.display().to_string(),
            handler,
            is_ours: false,
            plays,
        }
    }
}
