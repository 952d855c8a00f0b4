//! The environment variables of the functions (docs/contract.md "Environment"). They are read once,
//! at the cold start, and every faulty one is reported.
//!
//! [`Config`] is for reconcile, and apply adds [`ApplyConfig`]. [`IngestConfig`] is for ingest, and
//! [`DlqConfig`] for the command line. Secrets are not here: see [`crate::secrets`].

use std::fmt;
use std::time::Duration;

/// The configuration of reconcile, and the part of apply's that is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `QUEUE_URL`: the FIFO queue.
    pub queue_url: String,
    /// `SECRET_PREFIX`: first part of every secret's name.
    pub secret_prefix: String,
    /// `SECRET_TTL_SECONDS`: how long a secret is kept.
    pub secret_ttl: Duration,
    /// `GENESYS_BASE_URL`: replaces both hosts of every region. It has no slash at its end.
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
    /// `RETRY_HORIZON_SECONDS`: how long after its first receive a change is parked that keeps
    /// failing by itself.
    pub retry_horizon: Duration,
    /// The fewest messages of an event after which apply receives more.
    pub top_up_from: usize,
}

/// What the function reconcile alone reads.
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
    /// `SECRET_TTL_SECONDS`: how long a secret is kept.
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

/// What a person needs to make schedules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleConfig {
    /// `RUNS_QUEUE_ARN`: the FIFO queue of runs.
    pub runs_queue_arn: String,
    /// `SCHEDULE_ROLE_ARN`: the role in which EventBridge Scheduler sends to it.
    pub schedule_role_arn: String,
    /// `FAILED_RUNS_QUEUE_ARN`: the standard queue of runs that failed.
    pub failed_runs_queue_arn: String,
}

/// Every variable that is missing or wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl Config {
    /// Reads the environment of the process, for reconcile.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn from_env() -> Result<Config, ConfigError> {
        Config::read(from_env)
    }

    /// Reads variables with `lookup`. An empty one counts as absent.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let mut reader = Reader {
            lookup,
            faults: Vec::new(),
        };
        let config = Config::of(&mut reader, true);
        reader.end(config)
    }

    /// Reads the environment of the process, for a command that uses no queue.
    ///
    /// # Errors
    /// Every variable that is wrong.
    pub fn from_env_without_queue() -> Result<Config, ConfigError> {
        let mut reader = Reader {
            lookup: from_env,
            faults: Vec::new(),
        };
        let config = Config::of(&mut reader, false);
        reader.end(config)
    }

    /// Reads the process's environment, for the function reconcile.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn from_env_for_runs() -> Result<(Config, RunsConfig), ConfigError> {
        Config::read_for_runs(from_env)
    }

    /// Reads variables from `lookup`. An empty one counts as absent.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read_for_runs(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<(Config, RunsConfig), ConfigError> {
        let mut reader = Reader {
            lookup,
            faults: Vec::new(),
        };
        let config = Config::of(&mut reader, true);
        let own = RunsConfig {
            runs_queue_url: reader.url("RUNS_QUEUE_URL", true).unwrap_or_default(),
            failed_runs_queue_url: reader
                .url("FAILED_RUNS_QUEUE_URL", true)
                .unwrap_or_default(),
            stack: reader.text("STACK_NAME").unwrap_or_else(default_stack),
        };
        reader.end((config, own))
    }

    /// Reads the environment of the process, for apply.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn from_env_for_apply() -> Result<(Config, ApplyConfig), ConfigError> {
        Config::read_for_apply(from_env)
    }

    /// Reads variables with `lookup`, for apply. An empty one counts as absent.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn read_for_apply(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<(Config, ApplyConfig), ConfigError> {
        let mut reader = Reader {
            lookup,
            faults: Vec::new(),
        };
        let config = Config::of(&mut reader, true);
        let own = ApplyConfig {
            dead_letter_queue_url: reader
                .url("DEAD_LETTER_QUEUE_URL", true)
                .unwrap_or_default(),
            retry_horizon: Duration::from_secs(
                // The maximum is three days. After that the queue's maxReceiveCount or retention
                // period would end the retries without a reason.
                reader
                    .number("RETRY_HORIZON_SECONDS", 21_600, 1_800, 259_200)
                    .into(),
            ),
            top_up_from: TOP_UP_FROM,
        };
        reader.end((config, own))
    }

    fn of(reader: &mut Reader<impl Fn(&str) -> Option<String>>, needs_queue: bool) -> Config {
        Config {
            queue_url: reader.url("QUEUE_URL", needs_queue).unwrap_or_default(),
            secret_prefix: reader.secret_prefix(),
            secret_ttl: reader.secret_ttl(),
            genesys_base_url: reader.url("GENESYS_BASE_URL", false),
            apply_concurrency: reader.number("APPLY_CONCURRENCY", 5, 1, 1_000),
            apply_top_up: reader.number("TOP_UP", 990, 0, 990) as usize,
        }
    }
}

impl IngestConfig {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn from_env() -> Result<IngestConfig, ConfigError> {
        IngestConfig::read(from_env)
    }

    /// Reads variables with `lookup`. An empty one counts as absent.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<IngestConfig, ConfigError> {
        let mut reader = Reader {
            lookup,
            faults: Vec::new(),
        };
        let config = IngestConfig {
            queue_url: reader.url("QUEUE_URL", true).unwrap_or_default(),
            dead_letter_queue_url: reader
                .url("DEAD_LETTER_QUEUE_URL", true)
                .unwrap_or_default(),
            secret_prefix: reader.secret_prefix(),
            secret_ttl: reader.secret_ttl(),
        };
        reader.end(config)
    }
}

impl DlqConfig {
    /// Reads the environment of the process. `sends`: whether messages are to be sent again.
    ///
    /// # Errors
    /// Every variable that is missing or wrong.
    pub fn from_env(sends: bool) -> Result<DlqConfig, ConfigError> {
        let mut reader = Reader {
            lookup: from_env,
            faults: Vec::new(),
        };
        let config = DlqConfig {
            dead_letter_queue_url: reader
                .url("DEAD_LETTER_QUEUE_URL", true)
                .unwrap_or_default(),
            queue_url: reader.url("QUEUE_URL", sends),
            secret_prefix: reader.secret_prefix(),
        };
        reader.end(config)
    }
}

impl ScheduleConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn from_env() -> Result<ScheduleConfig, ConfigError> {
        let mut reader = Reader {
            lookup: from_env,
            faults: Vec::new(),
        };
        let config = ScheduleConfig {
            runs_queue_arn: reader.arn("RUNS_QUEUE_ARN"),
            schedule_role_arn: reader.arn("SCHEDULE_ROLE_ARN"),
            failed_runs_queue_arn: reader.arn("FAILED_RUNS_QUEUE_ARN"),
        };
        reader.end(config)
    }
}

/// `COLUMNS`: the width of the page to print.
pub fn columns() -> Option<usize> {
    from_env("COLUMNS")?.trim().parse().ok()
}

/// `STACK_NAME`: the deployed stack, which distinguishes the metrics of several stacks in one account. The default is
/// `campaign-sync`. It is read first, so that a function can report what is wrong with the other variables.
pub fn stack_name() -> String {
    from_env("STACK_NAME")
        .filter(|name| !name.is_empty())
        .unwrap_or_else(default_stack)
}

/// `RUNS_QUEUE_URL`, or the queue that the template makes beside this one of changes.
pub fn runs_queue_url(queue_url: &str) -> Option<String> {
    let beside = queue_url.strip_suffix("changes.fifo");
    let beside = beside.map(|start| format!("{start}runs.fifo"));
    let said = from_env("RUNS_QUEUE_URL");
    said.filter(|url| !url.is_empty()).or(beside)
}

fn default_stack() -> String {
    "campaign-sync".to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn from_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

struct Reader<F> {
    lookup: F,
    faults: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|text| !text.is_empty())
    }

    fn url(&mut self, name: &str, required: bool) -> Option<String> {
        let Some(text) = self.text(name) else {
            if required {
                self.faults
                    .push(format!("{name} is missing: expected the URL of a queue"));
            }
            return None;
        };
        let uri = text
            .parse::<http::Uri>()
            .ok()
            .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
        if uri.is_none() {
            self.faults.push(format!(
                "{name}: expected a URL that begins with https:// or http://"
            ));
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    fn arn(&mut self, name: &str) -> String {
        let arn = self.text(name).filter(|text| text.starts_with("arn:"));
        if arn.is_none() {
            let fault = format!("{name}: expected the ARN that the stack's outputs tell");
            self.faults.push(fault);
        }
        arn.unwrap_or_default()
    }

    fn secret_prefix(&mut self) -> String {
        let prefix = self
            .text("SECRET_PREFIX")
            .unwrap_or_else(|| "campaign-sync".to_owned());
        // These are the characters of a secret's name:
        // docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
        if !prefix
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte))
        {
            self.faults
                .push("SECRET_PREFIX: expected only letters, digits and /_+=.@-".to_owned());
        }
        prefix
    }

    fn secret_ttl(&mut self) -> Duration {
        Duration::from_secs(self.number("SECRET_TTL_SECONDS", 300, 1, 86_400).into())
    }

    fn end<C>(self, config: C) -> Result<C, ConfigError> {
        if self.faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(self.faults))
        }
    }

    fn number(&mut self, name: &str, default: u32, least: u32, most: u32) -> u32 {
        let Some(text) = self.text(name) else {
            return default;
        };
        text.parse()
            .ok()
            .filter(|number| (least..=most).contains(number))
            .unwrap_or_else(|| {
                let fault = format!("{name}: expected a whole number from {least} to {most}");
                // Apply reads one variable twice.
                if !self.faults.contains(&fault) {
                    self.faults.push(fault);
                }
                default
            })
    }
}

#[cfg(test)]
mod tests;
