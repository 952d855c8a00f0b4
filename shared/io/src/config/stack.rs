//! The name of the deployed stack. It is part of the names of metrics, log groups and schedules.

use super::ConfigError;
use super::reader::{from_env, read};

/// `STACK_NAME`: the deployed stack. It distinguishes the metrics of several stacks in one account.
/// The default is `campaign-sync`. It is read first, so that a function can report what is wrong
/// with the other variables.
pub fn stack_name() -> String {
    from_env("STACK_NAME")
        .filter(|name| !name.is_empty())
        .unwrap_or_else(default_stack)
}

/// `STACK_NAME`, for a command that uses it in a name or a search.
///
/// # Errors
/// It is no name of a stack.
pub fn checked_stack_name() -> Result<String, ConfigError> {
    read(from_env, |reader| reader.stack_name())
}

/// The form of a stack's name (`CloudFormation` user guide, "Specify stack name").
pub const STACK_NAME: &str =
    "the name of a CloudFormation stack: up to 128 letters, digits and -, a letter first";

/// Whether this is a name that a stack may have.
pub fn is_stack_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(is_plain)
}

pub(super) fn default_stack() -> String {
    "campaign-sync".to_owned()
}
