//! An answer of the service, before it becomes a response.

use serde_json::{Value, json};

/// The status and the body.
pub(super) type Answer = (u16, Value);

/// An error in the form of docs/genesys-cloud.md "Answers and errors".
pub(super) fn error(status: u16, code: &str, message: &str) -> Answer {
    (
        status,
        json!({ "message": message, "code": code, "status": status, "details": [], "errors": [] }),
    )
}
