//! Reads single variables, and collects what is wrong with them.
//!
//! [`super`] says which variables a function or command reads.

use std::fmt;
use std::time::Duration;

use super::stack::{STACK_NAME, default_stack, is_stack_name};

/// The variables that are missing or wrong, each with what was expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub(super) fn from_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads a configuration with `lookup`.
///
/// # Errors
/// Names every variable that is missing or wrong.
pub(super) fn read<C>(
    lookup: impl Fn(&str) -> Option<String>,
    configuration: impl FnOnce(&mut Reader<'_>) -> C,
) -> Result<C, ConfigError> {
    let mut reader = Reader {
        lookup: &lookup,
        faults: Vec::new(),
    };
    let read = configuration(&mut reader);
    if reader.faults.is_empty() {
        Ok(read)
    } else {
        Err(ConfigError(reader.faults))
    }
}

/// Reads variables. What is missing or wrong becomes a fault, and a default takes its place.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<String>,
}

impl Reader<'_> {
    /// The text of a variable. An empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|text| !text.is_empty())
    }

    /// Keeps a fault. Several configurations may read one variable.
    fn fault(&mut self, fault: String) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// A URL, without a slash at its end.
    pub(super) fn url(&mut self, name: &str, required: bool) -> Option<String> {
        let Some(text) = self.text(name) else {
            if required {
                self.fault(format!("{name} is missing: {}", wanted(name)));
            }
            return None;
        };
        if !is_url(&text, |_| true) {
            self.fault(format!(
                "{name}: expected a URL that begins with https:// or http://"
            ));
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    /// Checks that the queue of changes is not the dead-letter queue: what is sent there would be
    /// parked, and what is sent again would lose the reason of its parking.
    pub(super) fn check_that_queues_differ(&mut self) {
        let url = |name: &str| Some(self.text(name)?.trim_end_matches('/').to_owned());
        let (changes, parked) = (url("QUEUE_URL"), url("DEAD_LETTER_QUEUE_URL"));
        if changes.is_some() && changes == parked {
            let same = "QUEUE_URL and DEAD_LETTER_QUEUE_URL: expected two queues; set QUEUE_URL to the stack's output QueueUrl, \
                        and DEAD_LETTER_QUEUE_URL to DeadLetterQueueUrl";
            self.fault(same.to_owned());
        }
    }

    /// The URL of the dead-letter queue.
    pub(super) fn dead_letter_queue_url(&mut self) -> String {
        self.check_that_queues_differ();
        self.url("DEAD_LETTER_QUEUE_URL", true).unwrap_or_default()
    }

    /// The URL of a service on this machine, without a slash at its end.
    pub(super) fn loopback_url(&mut self, name: &str) -> Option<String> {
        const HOSTS: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];
        let text = self.text(name)?;
        if !is_url(&text, |host| HOSTS.contains(&host)) {
            self.fault(format!(
                "{name}: expected http://127.0.0.1:PORT, http://[::1]:PORT or http://localhost:PORT"
            ));
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    /// An ARN, which is an output of the stack.
    pub(super) fn arn(&mut self, name: &str, output: &str) -> String {
        match self.text(name) {
            None => self.fault(format!(
                "{name} is missing: set it to the stack's output {output}"
            )),
            Some(text) if text.starts_with("arn:") => return text,
            Some(_) => self.fault(format!(
                "{name}: expected an ARN, the stack's output {output}"
            )),
        }
        String::new()
    }

    /// `STACK_NAME`: the deployed stack.
    pub(super) fn stack_name(&mut self) -> String {
        let name = self.text("STACK_NAME").unwrap_or_else(default_stack);
        if !is_stack_name(&name) {
            self.fault(format!("STACK_NAME: expected {STACK_NAME}"));
        }
        name
    }

    /// `SECRET_PREFIX`: the first part of the names of all secrets.
    pub(super) fn secret_prefix(&mut self) -> String {
        let prefix = self
            .text("SECRET_PREFIX")
            .unwrap_or_else(|| "campaign-sync".to_owned());
        // These are the characters of a secret's name:
        // docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
        if !prefix
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte))
        {
            self.fault("SECRET_PREFIX: expected only letters, digits and /_+=.@-".to_owned());
        }
        prefix
    }

    /// `SECRET_TTL_SECONDS`: how long a secret is cached.
    pub(super) fn secret_ttl(&mut self) -> Duration {
        Duration::from_secs(self.number("SECRET_TTL_SECONDS", 300, 1, 86_400).into())
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(&mut self, name: &str, default: u32, least: u32, most: u32) -> u32 {
        let Some(text) = self.text(name) else {
            return default;
        };
        text.parse()
            .ok()
            .filter(|number| (least..=most).contains(number))
            .unwrap_or_else(|| {
                self.fault(format!(
                    "{name}: expected a whole number from {least} to {most}"
                ));
                default
            })
    }
}

/// The value that a queue's variable should have, for an error.
fn wanted(name: &str) -> &'static str {
    match name {
        "QUEUE_URL" => "set it to the stack's output QueueUrl",
        "DEAD_LETTER_QUEUE_URL" => "set it to the stack's output DeadLetterQueueUrl",
        _ => "expected the URL of a queue",
    }
}

/// Whether this is a URL of HTTP, with a host that is accepted.
fn is_url(text: &str, is_host: impl Fn(&str) -> bool) -> bool {
    let uri = text.parse::<http::Uri>().ok();
    uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(is_host)
    })
}
