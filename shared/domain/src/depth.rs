//! Decides how many messages a bulk sender may leave in the shared queue.
//!
//! An opt-out by webhook must not wait long behind a bulk load, and yet apply must not run out of
//! messages. So the limit is a time: the minutes that apply needs for the messages. A fixed number
//! would not do, since a change by `contactLists` may take a seventy-fifth of the calls that one by
//! `predictive` takes:
//!
//! ```text
//! calls a minute × 10 minutes ÷ calls a change, from 10 to 20,000 messages
//!
//! Predictive,   any top-up:  300 × 10 ÷ 2      =   1,500
//! ContactLists, top-up 0:    300 × 10 ÷ 0.4    =   7,500
//! ContactLists, top-up 990:  300 × 10 ÷ 0.026  = 115,384, so 20,000
//! ```

use crate::budget::CALLS_OF_A_CONTACT;

/// The contact API that an org uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// The API of docs/contract.md "Predictive API".
    Predictive,
    /// The API of docs/genesys-cloud.md "Contacts of a contact list".
    ContactLists,
}

/// The longest time, in minutes of the org's calls, that the messages in the queue may take.
const MINUTES: u64 = 10;
/// The least limit, in messages: as many as one call to SQS sends, however small the budget is.
pub const LEAST: u64 = 10;
/// The highest limit, in messages. SQS looks for available message groups among the first 120,000
/// messages only, and allows as many in flight (SQS developer guide, "FIFO queue quotas"). Its
/// counts may be a minute old (SQS API reference, `GetQueueAttributes`).
pub const MOST: u64 = 20_000;
/// The most messages that may be sent after one look at the queue's counts. Looks are five seconds
/// apart. Even if the counts lag by a minute, twelve times this number stays below what SQS looks
/// through.
pub const MOST_AT_A_LOOK: u64 = 5_000;

/// The number of messages, of all orgs, from which on no repair is added: two thirds of what SQS
/// looks through.
pub const MOST_OF_ALL: u64 = 80_000;

/// The most messages of a Lambda event (Lambda developer guide, "Amazon SQS event source mapping").
const MESSAGES_PER_EVENT: u64 = 10;
/// The most contacts of a bulk read.
const READ: u64 = 50;
/// The campaigns in a batch: one of the bulk load, and one of what arrives meanwhile.
const CAMPAIGNS: u64 = 2;

/// How many calls a thousand changes take, if batches are full and hold two campaigns. More
/// campaigns take more: 890 calls were measured for six lists, for which this returns 400. `top_up`
/// is the number of messages that apply receives by itself, beside those of an event.
pub fn calls_of_a_thousand(api: Api, top_up: usize) -> u64 {
    match api {
        // Each change takes a read and a write. A create takes a twentieth or less, but which
        // changes are creates is not known beforehand.
        Api::Predictive => 1_000 * CALLS_OF_A_CONTACT,
        Api::ContactLists => {
            let width = MESSAGES_PER_EVENT + top_up as u64;
            let of_a_campaign = width.div_ceil(CAMPAIGNS);
            // If there are more contacts than in one event, opt-outs take a read and a write of
            // their own.
            let own = if of_a_campaign > MESSAGES_PER_EVENT {
                2
            } else {
                0
            };
            let calls = CAMPAIGNS * (of_a_campaign.div_ceil(READ) + 1 + own);
            (1_000 * calls).div_ceil(width)
        }
    }
}

/// How many messages the queue may hold before a bulk sender waits: from [`LEAST`] to [`MOST`].
/// `calls_per_minute` is the budget of the org.
pub fn deepest(api: Api, top_up: usize, calls_per_minute: u32) -> u64 {
    let calls = u64::from(calls_per_minute) * MINUTES;
    (calls * 1_000 / calls_of_a_thousand(api, top_up)).clamp(LEAST, MOST)
}

/// How many more repairs an org may send to a queue that holds `depth` messages, `sent` of which
/// may be its own. The messages of other orgs do not reduce this number until the queue nears
/// [`MOST_OF_ALL`].
pub fn room_of_its_own(deepest: u64, sent: u64, depth: u64) -> u64 {
    deepest
        .saturating_sub(sent.min(depth))
        .min(MOST_OF_ALL.saturating_sub(depth))
}

/// How many of an org's `sent` repairs may still be in the queue after this many seconds. Apply
/// handles `deepest` of them in ten minutes.
pub fn left_of(sent: u64, deepest: u64, seconds: u64) -> u64 {
    sent.saturating_sub(deepest.saturating_mul(seconds) / (MINUTES * 60))
}

#[cfg(test)]
mod tests {
    use super::Api::{ContactLists, Predictive};
    use super::*;

    #[test]
    fn a_change_costs_what_its_api_and_the_width_of_a_batch_make_of_it() {
        // (api, messages of a top-up, calls of a thousand changes)
        for (api, top_up, calls) in [
            (Predictive, 0, 2_000),
            (Predictive, 990, 2_000),
            // 2 × (1 read + 1 write) for 10
            (ContactLists, 0, 400),
            // 2 × (1 + 1 + 2) for 100
            (ContactLists, 90, 80),
            // 2 × (2 + 1 + 2) for 200
            (ContactLists, 190, 50),
            // 2 × (10 + 1 + 2) for 1,000
            (ContactLists, 990, 26),
        ] {
            assert_eq!(calls_of_a_thousand(api, top_up), calls, "{api:?} {top_up}");
        }
    }

    #[test]
    fn the_queue_is_filled_by_ten_minutes_of_calls_and_never_over_twenty_thousand() {
        // (api, messages of a top-up, calls a minute, messages)
        for (api, top_up, calls, messages) in [
            (Predictive, 0, 300, 1_500),
            (Predictive, 990, 300, 1_500),
            (Predictive, 990, 3_000, 15_000),
            (Predictive, 990, 10_000, 20_000),
            (Predictive, 990, 1, 10),
            (Predictive, 990, 0, 10),
            (ContactLists, 0, 300, 7_500),
            (ContactLists, 0, 3_000, 20_000),
            (ContactLists, 990, 300, 20_000),
            (ContactLists, 990, 30, 11_538),
            (ContactLists, 990, u32::MAX, 20_000),
            (Predictive, 0, u32::MAX, 20_000),
        ] {
            let case = (api, top_up, calls);
            assert_eq!(deepest(api, top_up, calls), messages, "{case:?}");
        }
    }

    #[test]
    fn an_orgs_backlog_drains_at_its_own_rate_and_other_orgs_leave_it_room_in_the_queue() {
        assert_eq!(left_of(1_500, 1_500, 0), 1_500);
        assert_eq!(left_of(1_500, 1_500, 120), 1_200);
        assert_eq!(left_of(1_500, 1_500, 600), 0);
        assert_eq!(left_of(10, 1_500, u64::MAX), 0);
        // (sent, in the queue, room)
        for (sent, depth, room) in [
            (0, 0, 1_500),
            (0, 60_000, 1_500),
            (1_000, 60_000, 500),
            (2_000, 2_000, 0),
            (2_000, 100, 1_400),
            (2_000, 0, 1_500),
            (0, 79_000, 1_000),
            (0, 120_000, 0),
        ] {
            assert_eq!(room_of_its_own(1_500, sent, depth), room, "{sent} {depth}");
        }
    }

    #[test]
    fn a_full_queue_takes_ten_minutes_at_most() {
        for api in [Predictive, ContactLists] {
            for top_up in (0..=990).step_by(10) {
                for calls in [10, 60, 300, 1_200, 9_000] {
                    let messages = deepest(api, top_up, calls);
                    let needed = messages * calls_of_a_thousand(api, top_up) / 1_000;
                    let has = u64::from(calls) * MINUTES;
                    assert!(needed <= has, "{api:?} {top_up} {calls}: {messages}");
                }
            }
        }
    }

    #[test]
    fn counts_that_are_a_minute_old_do_not_let_the_queue_grow_beyond_what_sqs_looks_through() {
        let looks_in_a_minute = 60 / 5;
        assert!(MOST + looks_in_a_minute * MOST_AT_A_LOOK < 120_000);
    }
}
