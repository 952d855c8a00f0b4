//! Reads single variables, and collects what is wrong with them.
//!
//! Which variables a function or command reads is said in [`super`].

use std::fmt;
use std::time::Duration;

/// Every variable that is missing or wrong.
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
/// Every variable that is missing or wrong.
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

    /// A URL, without a slash at its end.
    pub(super) fn url(&mut self, name: &str, required: bool) -> Option<String> {
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

    /// An ARN that the stack's outputs tell.
    pub(super) fn arn(&mut self, name: &str) -> String {
        let arn = self.text(name).filter(|text| text.starts_with("arn:"));
        if arn.is_none() {
            let fault = format!("{name}: expected the ARN that the stack's outputs tell");
            self.faults.push(fault);
        }
        arn.unwrap_or_default()
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
            self.faults
                .push("SECRET_PREFIX: expected only letters, digits and /_+=.@-".to_owned());
        }
        prefix
    }

    /// `SECRET_TTL_SECONDS`: how long a secret is kept.
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
                let fault = format!("{name}: expected a whole number from {least} to {most}");
                // Apply reads one variable twice.
                if !self.faults.contains(&fault) {
                    self.faults.push(fault);
                }
                default
            })
    }
}
