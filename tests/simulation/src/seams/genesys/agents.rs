//! Agents and rules, which write columns of a list's contacts at any time.
//!
//! `crate::checks::agents` checks that the product keeps what they write.

use bytes::Bytes;
use http::Request;

use super::GenesysTransport;
use crate::chaos::FaultKind;
use crate::checks;
use crate::story::{AGENT_COLUMN, CANARY};
use crate::wire;

impl GenesysTransport {
    /// What is written before a read must survive. What is written between the read and the write
    /// may be lost.
    pub(super) fn let_an_agent_write(&self, request: &Request<Bytes>, what: &str) {
        let outside = &self.outside;
        let Some(campaign) = wire::campaign(request).filter(|_| wire::is_of_list(request)) else {
            return;
        };
        let Some(mut rng) = outside.chaos.draw(FaultKind::AgentWrites, what) else {
            return;
        };
        let written = wire::written(request).into_iter().flatten();
        let keys = written.map(|(key, _)| key).chain(wire::read(request));
        // An agent talks only to contacts that may have been called.
        let is_nobody = |key: &String| {
            let contact = outside.genesys.contact(&campaign, key);
            contact.is_some_and(|contact| checks::is_hollow(&contact))
        };
        let key = rng.choice(keys.collect::<Vec<_>>());
        if let Some(key) = key.filter(|key| !is_nobody(key)) {
            let text = format!("{CANARY} said {}", rng.u16(..));
            outside.trace(|| format!("agent      writes {text:?} to {key} of {campaign}"));
            outside
                .genesys
                .change_column(&campaign, &key, AGENT_COLUMN, &text);
        }
    }
}
