//! The mutants of the product that sit at this seam: each spoils requests or answers as a defect of
//! the product would.
//!
//! `crate::mutants` lists all mutants.

use bytes::Bytes;
use emulator::world::VERSION_FIELD;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response};
use serde_json::Value;

use super::GenesysTransport;
use crate::mutants::Mutant;
use crate::story::{AGENT_COLUMN, COLUMNS};
use crate::{lock, wire};

impl GenesysTransport {
    /// Spoils a request. Returns an answer if the defect takes it in place of the service's.
    pub(super) fn spoil_request(&self, request: &mut Request<Bytes>) -> Option<Response<Bytes>> {
        match self.outside.mutant? {
            Mutant::ShareToken => {
                let first = lock(&self.outside.seen).tokens.keys().next().cloned();
                if let (Some(token), Some(_)) = (first, wire::token(request)) {
                    wire::set_token(request, &token);
                }
            }
            Mutant::CallableOnCreate => wire::say_callable(request),
            Mutant::LoseLateOptOut if wire::only_opts_out(request) => {
                *request.method_mut() = Method::GET;
                *request.body_mut() = Bytes::new();
            }
            Mutant::StoreNoRank => leave_out(request, VERSION_FIELD),
            Mutant::LeaveColumnOut => leave_out(request, COLUMNS[0]),
            Mutant::LoseMark => lose_mark(request),
            Mutant::EmptyOthers if wire::is_of_list(request) => {
                wire::alter_writes(request, |item| item["data"][AGENT_COLUMN] = "".into());
            }
            Mutant::WriteDialler => {
                wire::alter_writes(request, |item| {
                    item.insert("phoneNumberStatus".to_owned(), serde_json::json!({}));
                });
            }
            Mutant::ReconcileBlindly => return self.nobody_found(request),
            _ => {}
        }
        None
    }

    /// The answer that a read of a missing contact gets, if a copy of reconcile reads.
    fn nobody_found(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let is_read = self.name.starts_with("reconcile") && !wire::read(request).is_empty();
        is_read.then(|| {
            if request.method() == Method::GET {
                wire::error(404)
            } else {
                wire::empty_bulk_answer()
            }
        })
    }

    /// Whether the defect sends this request again if it has no answer.
    pub(super) fn retries_writes(&self, request: &Request<Bytes>) -> bool {
        self.outside.has_defect(Mutant::RetryWrites) && wire::written(request).is_some()
    }

    /// Spoils an answer.
    pub(super) fn spoil_answer(&self, answer: &mut Response<Bytes>) {
        match self.outside.mutant {
            Some(Mutant::AgelessExport) => wire::renew_export(answer, self.outside.clock.now()),
            Some(Mutant::IgnoreRateHeaders) => {
                for name in [
                    "inin-ratelimit-count",
                    "inin-ratelimit-allowed",
                    "inin-ratelimit-reset",
                ] {
                    answer.headers_mut().remove(name);
                }
            }
            Some(Mutant::IgnoreRetryAfter) => {
                if let Some(wait) = answer.headers_mut().get_mut(RETRY_AFTER) {
                    *wait = HeaderValue::from_static("1");
                }
            }
            _ => {}
        }
    }
}

/// Takes a column out of each contact that is written.
fn leave_out(request: &mut Request<Bytes>, column: &str) {
    wire::alter_writes(request, |item| {
        let data = item.get_mut("data").and_then(Value::as_object_mut);
        data.map(|data| data.remove(column));
    });
}

/// Takes the last decision about `callable` out of each version column that is written.
fn lose_mark(request: &mut Request<Bytes>) {
    wire::alter_writes(request, |item| {
        let data = item.get_mut("data");
        let version = data.and_then(|data| data.get_mut(VERSION_FIELD));
        if let Some(Value::String(version)) = version {
            version.truncate(version.find(':').unwrap_or(version.len()));
        }
    });
}
