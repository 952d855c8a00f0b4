//! Makes a record fit into a parameter: by shorter ids, by coarser times, and last by forgetting
//! campaigns.
//!
//! A coarser record never claims that more was looked at than was. So a run compares more, and no
//! change is lost.

use domain::change::CampaignId;

use super::{Looked, MOST_BYTES, Record, id};

/// If a record is too large, its times are rounded to these steps, one after the other, in seconds.
const COARSE: [i64; 4] = [60, 900, 3_600, 86_400];

impl Record {
    /// The record as text. If it is too large, ids are written shorter. If that is not enough,
    /// times are rounded so that more campaigns share them, and the record claims less than was
    /// looked at. `None` means that a parameter cannot hold it.
    pub(crate) fn text(&self) -> Option<String> {
        let fits = |record: &Record| {
            let text = serde_json::to_string(record).ok()?;
            (text.len() <= MOST_BYTES).then_some(text)
        };
        let shorter = || {
            let short = self.clone().with_ids(id::short);
            let coarse = || {
                COARSE
                    .into_iter()
                    .find_map(|seconds| fits(&short.coarse(seconds)))
            };
            fits(&short).or_else(coarse)
        };
        fits(self).or_else(shorter)
    }

    pub(super) fn with_ids(mut self, written: fn(&str) -> Option<String>) -> Record {
        let looked = self.looked_at.iter_mut();
        for id in looked.flat_map(|looked| &mut looked.campaigns) {
            if let Some(written) = written(id) {
                *id = written;
            }
        }
        self
    }

    fn coarse(&self, seconds: i64) -> Record {
        let mut looked_at: Vec<Looked> = Vec::new();
        for looked in &self.looked_at {
            let to = looked.to - looked.to.rem_euclid(seconds);
            let up = looked.from + (-looked.from).rem_euclid(seconds);
            let (from, to) = (up.min(to), to);
            let campaigns = looked.campaigns.iter().cloned();
            match looked_at
                .iter_mut()
                .find(|it| (it.from, it.to) == (from, to))
            {
                Some(it) => it.campaigns.extend(campaigns),
                None => looked_at.push(Looked {
                    from,
                    to,
                    campaigns: campaigns.collect(),
                }),
            }
        }
        Record {
            looked_at,
            ..self.clone()
        }
    }

    /// Forgets campaigns other than these until the record fits, beginning with the one that was
    /// looked at longest ago.
    pub(super) fn fit(&mut self, campaigns: &[CampaignId]) {
        let is_of_run = |id: &String| campaigns.iter().any(|campaign| campaign.as_str() == id);
        while self.text().is_none() {
            let others = self.looked_at.iter().enumerate();
            let others = others.filter(|(_, looked)| !looked.campaigns.iter().all(is_of_run));
            let Some((oldest, _)) = others.min_by_key(|(_, looked)| looked.to) else {
                return;
            };
            let looked = &mut self.looked_at[oldest];
            looked.campaigns.retain(is_of_run);
            if looked.campaigns.is_empty() {
                self.looked_at.remove(oldest);
            }
        }
    }
}
