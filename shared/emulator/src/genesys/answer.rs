//! What the service answers, before it is a response.

use serde_json::{Value, json};

/// Status and body.
pub(super) type Answer = (u16, Value);

/// docs/genesys-cloud.md "Answers and errors".
pub(super) fn error(status: u16, code: &str, message: &str) -> Answer {
    (
        status,
        json!({ "message": message, "code": code, "status": status, "details": [], "errors": [] }),
    )
}
