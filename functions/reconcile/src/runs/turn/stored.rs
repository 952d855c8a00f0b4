//! Reads and writes the org's record in Parameter Store.

use std::time::Duration;

use domain::change::CampaignId;
use io::records::RecordsError;

use super::Turn;
use super::again::AFTER_FAILURE;
use crate::Error;
use crate::input::Input;
use crate::record::{MOST_BYTES, Record};
use crate::runs::record_of;

/// How often Parameter Store is asked. It allows three writes a second.
const TRIES: u32 = 3;

impl Turn<'_> {
    fn name(&self, input: &Input) -> String {
        record_of(&self.runs.config.stack, &input.org)
    }

    pub(super) async fn read(&self, input: &Input) -> Result<Record, Error> {
        let name = self.name(input);
        let read = self.ask(|| self.runs.records.read(&name)).await;
        let text = read.map_err(|error| wrong(&name, &error))?;
        let Some(text) = text else {
            return Ok(Record::default());
        };
        let record = Record::parse(&text).filter(|record| !record.is_ahead(self.now));
        Ok(record.unwrap_or_else(|| {
            let record = Record::begin_anew(input);
            let campaigns: Vec<_> = input.campaigns.iter().map(CampaignId::as_str).collect();
            let since = record.oldest(&input.campaigns);
            tracing::error!(
                org = input.org.as_str(),
                campaignIds = campaigns.join(" "),
                since = since.map(|(_, since)| since.to_string()),
                record = name,
                "the record of the org's runs is not what reconcile writes: it begins anew, and looks a day back; if the last \
                 run of these campaigns was earlier, run the command for them with a --since before it"
            );
            record
        }))
    }

    pub(super) async fn write(&self, input: &Input, record: &Record) -> Result<(), Error> {
        let name = self.name(input);
        let text = record.text().ok_or_else(|| Error::Record {
            name: name.clone(),
            is_away: false,
            why: format!(
                "it is larger than the {MOST_BYTES} bytes that a parameter holds: a schedule has too many campaigns, or the \
                 feed's cursors are too long"
            ),
        })?;
        let written = self.ask(|| self.runs.records.write(&name, text.clone()));
        written.await.map_err(|error| wrong(&name, &error))
    }

    /// Asks Parameter Store, and retries a few times.
    async fn ask<T, E, A: Future<Output = Result<T, E>>>(
        &self,
        call: impl Fn() -> A,
    ) -> Result<T, E> {
        for _ in 1..TRIES {
            if let Ok(answer) = call().await {
                return Ok(answer);
            }
            let pause = 0.5 + self.context.shared.chance.draw();
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
        }
        call().await
    }

    /// Makes the run come again. A record that cannot be reached does not count as a failure of the
    /// run.
    pub(super) async fn waits_for_record(&self, input: &Input, why: &str) -> bool {
        tracing::warn!(
            org = input.org.as_str(),
            detail = why,
            afterSeconds = AFTER_FAILURE.as_secs(),
            "the record of the org's runs cannot be reached: the run is retried"
        );
        self.come_again(AFTER_FAILURE).await;
        false
    }
}

fn wrong(record: &str, error: &RecordsError) -> Error {
    Error::Record {
        name: record.to_owned(),
        is_away: error.is_away(),
        why: error.to_string(),
    }
}
