//! Parameter Store and Secrets Manager as one function sees them: calls fail on purpose, and every
//! record that is written is checked.
//!
//! `crate::checks::schedule` checks what a record must say.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::records::{Records, RecordsError};
use io::secrets::{Secrets, SecretsError};
use serde_json::Value;

use super::Outside;
use crate::chaos::FaultKind;
use crate::mutants::Mutant;
use crate::story::Part;
use crate::{checks, lock};

/// Parameter Store.
pub(crate) struct ParameterStore(pub(crate) Arc<Outside>);

impl ParameterStore {
    fn is_down(&self, name: &str) -> bool {
        let org = name.rsplit('/').next().unwrap_or_default();
        self.0.is_down(Part::Record, org)
    }

    /// The record as a copy with one of these defects reads it.
    fn mutated(&self, text: String) -> String {
        let mut record: Value = serde_json::from_str(&text).unwrap_or_default();
        if self.0.has_defect(Mutant::RememberNothing) {
            record["lookedAt"] = serde_json::json!([]);
        }
        if self.0.has_defect(Mutant::ForgetSent) {
            record["sent"] = Value::Null;
        }
        if self.0.has_defect(Mutant::DepthOfAll) {
            let at = self.0.clock.now().as_second();
            record["sent"] = serde_json::json!({ "changes": self.0.queue.len(), "at": at });
        }
        record.to_string()
    }

    /// The record as a copy with this defect writes it: it claims that everything it was asked for
    /// was looked at.
    fn looked_ahead(&self, text: String) -> String {
        if !self.0.has_defect(Mutant::LookAhead) {
            return text;
        }
        let mut record: Value = serde_json::from_str(&text).unwrap_or_default();
        for looked in record["lookedAt"].as_array_mut().into_iter().flatten() {
            looked["to"] = self.0.clock.now().as_second().into();
        }
        record["unfinished"] = Value::Null;
        record.to_string()
    }
}

impl Records for ParameterStore {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, RecordsError>> {
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.0.chaos.strikes(FaultKind::SecretsDown, name) || self.is_down(name) {
                return Err(RecordsError::new("InternalServerError"));
            }
            let text = self.0.parameters.read(name).await?;
            Ok(text.map(|text| self.mutated(text)))
        }
        .boxed()
    }

    fn write<'a>(&'a self, name: &'a str, text: String) -> BoxFuture<'a, Result<(), RecordsError>> {
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let violations = checks::leaks("a record", &text);
            lock(&self.0.seen).violations.extend(violations);
            if self.is_down(name) {
                return Err(RecordsError::new("InternalServerError"));
            }
            let text = self.looked_ahead(text);
            checks::schedule::check_record(&self.0, &text);
            let fault = self.0.chaos.draw(FaultKind::SecretsDown, name);
            let is_answer_lost = fault.map(|mut rng| rng.bool());
            if is_answer_lost != Some(false) {
                self.0.parameters.write(name, text).await?;
            }
            match is_answer_lost {
                Some(_) => Err(RecordsError::new("InternalServerError")),
                None => Ok(()),
            }
        }
        .boxed()
    }
}

/// Secrets Manager.
pub(crate) struct SecretsManager(pub(crate) Arc<Outside>);

impl Secrets for SecretsManager {
    fn read<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<secrecy::SecretString, SecretsError>> {
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.0.chaos.strikes(FaultKind::SecretsDown, name) {
                return Err(SecretsError::Unavailable);
            }
            self.0.vault.read(name).await
        }
        .boxed()
    }
}
