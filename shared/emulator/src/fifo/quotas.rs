//! The rules of SQS for ids and messages.

use io::queue::{Message, QueueError};

/// The most bytes of a body and its attributes.
const MAX_BODY: usize = 1 << 20;

/// Whether a text may be the id of a message group, a deduplication id or an attempt id.
pub(crate) fn is_legal_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Checks the quotas of
/// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
pub(super) fn check(message: &Message) -> Result<(), QueueError> {
    if !is_legal_id(&message.group) || !is_legal_id(&message.deduplication_id) {
        return Err(QueueError::new("InvalidParameterValue"));
    }
    let attributes: usize = message
        .attributes
        .iter()
        .map(|(name, text)| name.len() + "String".len() + text.len())
        .sum();
    let is_legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if !message.body.chars().all(is_legal) {
        return Err(QueueError::new("InvalidMessageContents"));
    }
    if message.body.is_empty() || message.body.len() + attributes > MAX_BODY {
        return Err(QueueError::new("InvalidMessageContents"));
    }
    if message.attributes.len() > 10 || message.attributes.iter().any(|(_, text)| text.is_empty()) {
        return Err(QueueError::new("InvalidParameterValue"));
    }
    Ok(())
}
