//! One run of the real `campaign-sync` command, and what it takes.
//!
//! `crate::send` and `crate::reconcile` give it something to do.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::backend::Backend;
use crate::process::{FunctionCpu, Process, Used};

/// The release build of the command, the CPU that it runs on, and the folder for its logs.
#[derive(Clone, Copy)]
pub(crate) struct Command<'a> {
    pub(crate) program: &'a Path,
    pub(crate) cpu: FunctionCpu,
    pub(crate) logs: &'a Path,
}

/// A run of the command that is over.
pub(crate) struct Finished {
    /// How the process ended.
    pub(crate) status: String,
    /// All that it printed.
    pub(crate) output: String,
    pub(crate) took: Duration,
    /// The resources that it had used when it was last looked at.
    pub(crate) used: Used,
}

impl Command<'_> {
    /// Runs the command to its end, with a log of this name. `look` is called at least once in each
    /// interval of this length.
    pub(crate) async fn run(
        &self,
        arguments: &[&str],
        backend: &Backend,
        name: &str,
        interval: Duration,
        mut look: impl FnMut(),
    ) -> Result<Finished, String> {
        let program = self.program;
        let program = program
            .canonicalize()
            .map_err(|error| format!("--command {}: {error}", program.display()))?;
        let words = [program.display().to_string()].into_iter();
        let words = words.chain(arguments.iter().map(|word| (*word).to_owned()));
        let words: Vec<_> = words.collect();
        let log = self.logs.join(format!("{name}.log"));
        let folder = self.logs.display().to_string();
        let began = Instant::now();
        let mut process = Process::start(&words, &folder, &environment(backend), self.cpu, &log)?;
        let mut used = Used::default();
        let status = loop {
            // The process is measured while it still runs: afterwards /proc says nothing of it.
            let now = process.used();
            if now.peak_mib > 0.0 {
                used = now;
            }
            look();
            if let Some(status) = process.ended() {
                break status;
            }
            sleep(interval).await;
        };
        let took = began.elapsed();
        Ok(Finished {
            status,
            output: std::fs::read_to_string(&log).unwrap_or_default(),
            took,
            used,
        })
    }
}

/// The environment variables of the command.
fn environment(backend: &Backend) -> BTreeMap<String, String> {
    let own = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", &backend.base),
        ("GENESYS_BASE_URL", &backend.base),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let queue = backend.world.variable("QUEUE_URL").unwrap_or_default();
    let queue = ("QUEUE_URL".to_owned(), queue);
    own.into_iter().chain([queue]).collect()
}
