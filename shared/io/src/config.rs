//! The environment variables of the functions (docs/contract.md "Environment"). They are read once,
//! at the cold start, and every faulty one is reported.
//!
//! [`Config`] is for reconcile and apply; reconcile adds [`RunsConfig`] and apply [`ApplyConfig`].
//! [`IngestConfig`] is for ingest, and [`DlqConfig`] and [`ScheduleConfig`] are for the command
//! line. `reader` reads single variables, and `stack` the name of the stack. Secrets are not here:
//! see [`crate::secrets`].

mod reader;
mod stack;

pub use reader::ConfigError;
pub use stack::{STACK_NAME, checked_stack_name, is_stack_name, stack_name};

use std::time::Duration;

use reader::{Reader, from_env, read};

/// The configuration of reconcile, and the part of apply's that is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `QUEUE_URL`: the FIFO queue.
    pub queue_url: String,
    /// `SECRET_PREFIX`: first part of every secret's name.
    pub secret_prefix: String,
    /// `SECRET_TTL_SECONDS`: how long a secret is cached.
    pub secret_ttl: Duration,
    /// `GENESYS_BASE_URL`: replaces both hosts of every region. It is on loopback, so that an OAuth
    /// client never goes to another host, and has no slash at its end.
    pub genesys_base_url: Option<String>,
    /// `APPLY_CONCURRENCY`: how many copies of apply share an OAuth client's call budget.
    pub apply_concurrency: u32,
    /// `TOP_UP`: the most messages that apply receives by itself, beside those of an event.
    pub apply_top_up: usize,
}

/// An event with this many messages may have a backlog behind it. Lambda hands over ten at most.
const TOP_UP_FROM: usize = 5;

/// The part of apply's configuration that nothing else reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyConfig {
    /// `DEAD_LETTER_QUEUE_URL`: the FIFO dead-letter queue.
    pub dead_letter_queue_url: String,
    /// `RETRY_HORIZON_SECONDS`: how long after its first receive a change that keeps failing by
    /// itself is parked.
    pub retry_horizon: Duration,
    /// The fewest messages of an event after which apply receives more.
    pub top_up_from: usize,
}

/// The part of reconcile's configuration that only the function reads, and no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunsConfig {
    /// `RUNS_QUEUE_URL`: the FIFO queue of runs.
    pub runs_queue_url: String,
    /// `FAILED_RUNS_QUEUE_URL`: the standard queue of runs that failed.
    pub failed_runs_queue_url: String,
    /// `STACK_NAME`: part of the records' names.
    pub stack: String,
}

/// The configuration of ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestConfig {
    /// `QUEUE_URL`: the FIFO queue.
    pub queue_url: String,
    /// `DEAD_LETTER_QUEUE_URL`: the FIFO dead-letter queue, for items that become no change.
    pub dead_letter_queue_url: String,
    /// `SECRET_PREFIX`: first part of every secret's name.
    pub secret_prefix: String,
    /// `SECRET_TTL_SECONDS`: how long a secret is cached.
    pub secret_ttl: Duration,
}

/// The configuration for work on parked changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DlqConfig {
    /// `DEAD_LETTER_QUEUE_URL`: the FIFO dead-letter queue.
    pub dead_letter_queue_url: String,
    /// `QUEUE_URL`: the FIFO queue, if messages are to be sent again.
    pub queue_url: Option<String>,
    /// `SECRET_PREFIX`: first part of every secret's name.
    pub secret_prefix: String,
}

/// The configuration for making schedules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleConfig {
    /// `RUNS_QUEUE_ARN`: the FIFO queue of runs.
    pub runs_queue_arn: String,
    /// `SCHEDULE_ROLE_ARN`: the role in which EventBridge Scheduler sends to it.
    pub schedule_role_arn: String,
    /// `FAILED_RUNS_QUEUE_ARN`: the standard queue of runs that failed.
    pub failed_runs_queue_arn: String,
}

impl Config {
    /// Reads the environment of the process, for reconcile.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn from_env() -> Result<Config, ConfigError> {
        Config::read(from_env)
    }

    /// Reads variables with `lookup`. An empty one counts as absent.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        read(lookup, |reader| Config::of(reader, true))
    }

    /// Reads the environment of the process, for a command that uses no queue.
    ///
    /// # Errors
    /// Names every variable that is wrong.
    pub fn from_env_without_queue() -> Result<Config, ConfigError> {
        read(from_env, |reader| Config::of(reader, false))
    }

    /// Reads the environment of the process, for the function reconcile.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn from_env_for_runs() -> Result<(Config, RunsConfig), ConfigError> {
        Config::read_for_runs(from_env)
    }

    /// Reads variables with `lookup`, for the function reconcile. An empty one counts as absent.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read_for_runs(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<(Config, RunsConfig), ConfigError> {
        read(lookup, |reader| {
            let config = Config::of(reader, true);
            let own = RunsConfig {
                runs_queue_url: reader.url("RUNS_QUEUE_URL", true).unwrap_or_default(),
                failed_runs_queue_url: reader
                    .url("FAILED_RUNS_QUEUE_URL", true)
                    .unwrap_or_default(),
                stack: reader.stack_name(),
            };
            (config, own)
        })
    }

    /// Reads the environment of the process, for apply.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn from_env_for_apply() -> Result<(Config, ApplyConfig), ConfigError> {
        Config::read_for_apply(from_env)
    }

    /// Reads variables with `lookup`, for apply. An empty one counts as absent.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read_for_apply(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<(Config, ApplyConfig), ConfigError> {
        read(lookup, |reader| {
            let config = Config::of(reader, true);
            let own = ApplyConfig {
                dead_letter_queue_url: reader.dead_letter_queue_url(),
                retry_horizon: Duration::from_secs(
                    // The maximum is three days. After that the queue's maxReceiveCount or
                    // retention period would end the retries without a reason.
                    reader
                        .number("RETRY_HORIZON_SECONDS", 21_600, 1_800, 259_200)
                        .into(),
                ),
                top_up_from: TOP_UP_FROM,
            };
            (config, own)
        })
    }

    fn of(reader: &mut Reader<'_>, needs_queue: bool) -> Config {
        reader.check_that_queues_differ();
        Config {
            queue_url: reader.url("QUEUE_URL", needs_queue).unwrap_or_default(),
            secret_prefix: reader.secret_prefix(),
            secret_ttl: reader.secret_ttl(),
            genesys_base_url: reader.loopback_url("GENESYS_BASE_URL"),
            apply_concurrency: reader.number("APPLY_CONCURRENCY", 5, 1, 1_000),
            apply_top_up: reader.number("TOP_UP", 990, 0, 990) as usize,
        }
    }
}

impl IngestConfig {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn from_env() -> Result<IngestConfig, ConfigError> {
        IngestConfig::read(from_env)
    }

    /// Reads variables with `lookup`. An empty one counts as absent.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<IngestConfig, ConfigError> {
        read(lookup, |reader| IngestConfig {
            queue_url: reader.url("QUEUE_URL", true).unwrap_or_default(),
            dead_letter_queue_url: reader.dead_letter_queue_url(),
            secret_prefix: reader.secret_prefix(),
            secret_ttl: reader.secret_ttl(),
        })
    }
}

impl DlqConfig {
    /// Reads the environment of the process. `sends` says whether messages are to be sent again.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn from_env(sends: bool) -> Result<DlqConfig, ConfigError> {
        read(from_env, |reader| DlqConfig::of(reader, sends))
    }

    /// Reads the environment of the process, for a command that asks Genesys Cloud too.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn from_env_with_genesys() -> Result<(Config, DlqConfig), ConfigError> {
        read(from_env, |reader| {
            (Config::of(reader, true), DlqConfig::of(reader, true))
        })
    }

    fn of(reader: &mut Reader<'_>, sends: bool) -> DlqConfig {
        DlqConfig {
            dead_letter_queue_url: reader.dead_letter_queue_url(),
            queue_url: reader.url("QUEUE_URL", sends),
            secret_prefix: reader.secret_prefix(),
        }
    }
}

impl ScheduleConfig {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn from_env() -> Result<ScheduleConfig, ConfigError> {
        read(from_env, |reader| ScheduleConfig {
            runs_queue_arn: reader.arn("RUNS_QUEUE_ARN", "RunsQueueArn"),
            schedule_role_arn: reader.arn("SCHEDULE_ROLE_ARN", "ScheduleRoleArn"),
            failed_runs_queue_arn: reader.arn("FAILED_RUNS_QUEUE_ARN", "FailedRunsQueueArn"),
        })
    }
}

/// `COLUMNS`: the width of the page to print.
pub fn columns() -> Option<usize> {
    from_env("COLUMNS")?.trim().parse().ok()
}

/// `RUNS_QUEUE_URL`, or the URL of the runs queue that the template creates beside this queue of
/// changes.
pub fn runs_queue_url(queue_url: &str) -> Option<String> {
    let beside = queue_url.strip_suffix("changes.fifo");
    let beside = beside.map(|start| format!("{start}runs.fifo"));
    let said = from_env("RUNS_QUEUE_URL");
    said.filter(|url| !url.is_empty()).or(beside)
}

#[cfg(test)]
mod tests;
