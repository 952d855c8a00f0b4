//! The emulated services around the functions: Genesys Cloud, queues and secrets.

use emulator::genesys::Options;
use io::Clock;
use serde_json::json;

use super::super::Api;
use super::super::crm::Story;
use super::{FEED_PATH, FEED_TOKEN};
use crate::made_up::{of_org, source_of};

/// The services outside of the functions, as they are before the story's first change. `base` is
/// the beginning of the URLs of the queues and of the feed.
pub(crate) fn outside(
    clock: Clock,
    story: &Story,
    options: Options,
    base: &str,
) -> emulator::World {
    let api = match story.api {
        Api::Predictive => "predictive",
        Api::ContactLists => "contactLists",
    };
    let rules = json!({ "api": api, "callsPerMinute": options.calls_per_minute });
    let outside = emulator::World::new(clock, options, base);
    let columns = story.columns();
    let columns: Option<Vec<&str>> = columns
        .as_ref()
        .map(|columns| columns.iter().map(String::as_str).collect());
    for (org, campaign) in story.campaigns() {
        outside.put_org(&org, &rules);
        outside.put_campaign(&org, &campaign, columns.as_deref());
        if story.told.is_none() {
            outside.put_source(&source_of(&org), &of_org(&org));
        }
        let own = || json!({ "url": format!("{base}{FEED_PATH}"), "bearerToken": FEED_TOKEN });
        let of_vendor = story.told.as_ref().and_then(|told| told.feeds.get(&org));
        outside.put_feed(&org, &of_vendor.cloned().unwrap_or_else(own));
    }
    for (source, secret) in story.sources() {
        outside.put_source(&source, &secret);
    }
    for ((_, campaign, key), contact) in &story.initial {
        let data: Vec<_> = contact
            .columns
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        outside
            .genesys
            .put_contact(campaign, key, &data, contact.callable);
    }
    outside
}
