//! The findings of a check, as lines for a person or JSON for a program.

use serde_json::json;

/// The findings of a check.
#[derive(Default)]
pub(crate) struct Findings(pub(super) Vec<Finding>);

pub(crate) struct Finding {
    pub(super) what: String,
    status: Status,
    /// The thing that was seen, or the advice what to do about it.
    pub(super) detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Fail,
    /// The thing is allowed, but may not be what the operator wants.
    Note,
    /// The thing was not looked at.
    Skip,
}

impl Findings {
    pub(crate) fn add(&mut self, what: impl Into<String>, found: Result<String, String>) {
        let status = if found.is_ok() {
            Status::Ok
        } else {
            Status::Fail
        };
        let (Ok(detail) | Err(detail)) = found;
        self.0.push(Finding {
            what: what.into(),
            status,
            detail,
        });
    }

    pub(super) fn skip(&mut self, what: &str, why: &str) {
        self.0.push(Finding {
            what: what.to_owned(),
            status: Status::Skip,
            detail: why.to_owned(),
        });
    }

    pub(super) fn note(&mut self, what: &str, note: String) {
        self.0.push(Finding {
            what: what.to_owned(),
            status: Status::Note,
            detail: note,
        });
    }

    pub(super) fn is_right(&self) -> bool {
        self.0.iter().all(|finding| finding.status != Status::Fail)
    }

    pub(super) fn text(&self) -> String {
        let line = |Finding {
                        what,
                        status,
                        detail,
                    }: &Finding| match status {
            Status::Ok => format!("ok    {what}: {detail}"),
            Status::Fail => format!("FAIL  {what}: {detail}"),
            Status::Note => format!("note  {what}: {detail}"),
            Status::Skip => format!("skip  {what}: {detail}"),
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn json(&self) -> String {
        let check = |Finding {
                         what,
                         status,
                         detail,
                     }: &Finding| {
            let status = match status {
                Status::Ok => "ok",
                Status::Fail => "fail",
                Status::Note => "note",
                Status::Skip => "skip",
            };
            json!({ "check": what, "status": status, "detail": detail })
        };
        json!({ "ok": self.is_right(), "checks": self.0.iter().map(check).collect::<Vec<_>>() })
            .to_string()
    }
}
