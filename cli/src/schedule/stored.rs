//! Reads the schedules of reconcile, and finds what is wrong with them.
//!
//! Schedules are made in `super`. Whether their runs come is found out in `late`.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::types::ScheduleState;
use domain::change::CampaignId;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::late::{Lateness, RunState};
use super::{failed, is_missing};

const LATE: &str = "its runs do not come, fail or take long (the log of reconcile; docs/runbook.md, reconcile-late)";

/// A schedule of reconcile.
pub(super) struct StoredSchedule {
    pub(super) name: String,
    pub(super) is_on: bool,
    /// The message group of its runs, which is their org.
    pub(super) group: Option<String>,
    pub(super) rate: String,
    /// When the schedule was made or replaced.
    pub(super) made: Option<Timestamp>,
    target: String,
    input: Value,
}

impl StoredSchedule {
    fn of(schedule: &GetScheduleOutput) -> StoredSchedule {
        let target = schedule.target();
        let input = target.and_then(|target| serde_json::from_str(target.input()?).ok());
        let group = target.and_then(|target| target.sqs_parameters()?.message_group_id());
        StoredSchedule {
            name: schedule.name().unwrap_or_default().to_owned(),
            is_on: schedule.state() == Some(&ScheduleState::Enabled),
            group: group.map(str::to_owned),
            rate: schedule
                .schedule_expression()
                .unwrap_or_default()
                .to_owned(),
            made: schedule
                .last_modification_date()
                .and_then(|at| Timestamp::from_millisecond(at.to_millis().ok()?).ok()),
            target: target
                .map(|target| target.arn().to_owned())
                .unwrap_or_default(),
            input: input.unwrap_or_default(),
        }
    }

    /// The schedule of this name, if there is one.
    pub(super) async fn get(client: &Client, name: &str) -> Result<Option<StoredSchedule>, String> {
        match client.get_schedule().name(name).send().await {
            Ok(schedule) => Ok(Some(StoredSchedule::of(&schedule))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// The schedules of this name, or whose names begin with it and a hyphen.
    pub(super) async fn all(client: &Client, name: &str) -> Result<Vec<StoredSchedule>, String> {
        let mut pages = client
            .list_schedules()
            .name_prefix(name)
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(&error))?;
            let of_page = page.schedules().iter();
            names.extend(of_page.filter_map(|schedule| schedule.name().map(str::to_owned)));
        }
        let of_org = format!("{name}-");
        let mut found = Vec::new();
        for one in names {
            if one == name || one.starts_with(&of_org) {
                found.extend(StoredSchedule::get(client, &one).await?);
            }
        }
        Ok(found)
    }

    pub(super) fn org(&self) -> Option<&str> {
        self.input["org"].as_str()
    }

    pub(super) fn campaigns(&self) -> Vec<&str> {
        let ids = self.input["campaignIds"].as_array().into_iter().flatten();
        // The stack's own schedule holds an empty id while it has no campaign.
        ids.filter_map(Value::as_str)
            .filter(|id| !id.is_empty())
            .collect()
    }

    /// Why its runs do not come, or may overlap.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let has_none = self.org().is_none_or(str::is_empty) || self.campaigns().is_empty();
        match () {
            // The stack's own schedule is off in a stack without `ReconcileOrg`, and
            // that is right.
            () if has_none && !self.is_on => None,
            () if !self.is_on => Some("is off"),
            () if has_none => Some("names no org or no campaign: set it again"),
            () if !self.target.contains(":sqs:") => {
                Some("does not have the queue of runs as its target: set it again")
            }
            () if self.group.as_deref() != self.org() => {
                Some("does not have its org as its message group: set it again")
            }
            () => None,
        }
    }

    /// As `fault`, and also that runs do not come although the schedule is right, or that this is
    /// not known.
    fn fault_beside(&self, seen: Option<&Lateness>) -> Option<String> {
        let of_runs = seen.and_then(|seen| match &seen.runs {
            RunState::Come => None,
            RunState::Late { campaign, limit } => Some(format!(
                "campaign {campaign} was not looked at for longer than {limit}: {LATE}"
            )),
            RunState::Unknown(why) => Some(format!("whether its runs come is not known: {why}")),
        });
        self.fault().map(str::to_owned).or(of_runs)
    }

    pub(super) fn is_well(&self, seen: Option<&Lateness>) -> bool {
        self.fault_beside(seen).is_none()
    }

    pub(super) fn row(&self, seen: Option<&Lateness>) -> Vec<String> {
        vec![
            self.name.clone(),
            self.org().unwrap_or("-").to_owned(),
            self.rate.clone(),
            self.campaigns().len().to_string(),
            seen.map_or("-", |seen| &seen.text).to_owned(),
            self.fault_beside(seen)
                .unwrap_or_else(|| if self.is_on { "is on" } else { "is off" }.to_owned()),
        ]
    }

    pub(super) fn json(&self, seen: Option<&Lateness>) -> Value {
        json!({
            "name": self.name,
            "org": self.org(),
            "campaignIds": self.campaigns(),
            "rate": self.rate,
            "windowMinutes": self.input["windowMinutes"],
            "on": self.is_on,
            "lookedAtUntil": seen.and_then(|seen| seen.until).map(|until| until.to_string()),
            "furthestBehind": seen.and_then(|seen| seen.behind.as_ref()).map(CampaignId::as_str),
            "fault": self.fault_beside(seen),
        })
    }
}
