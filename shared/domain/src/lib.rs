//! The rules of campaign-sync, as pure functions over values.
//!
//! A CRM sends changes of contacts, a queue keeps them in order, and Genesys Cloud holds the
//! contacts. This crate decides what to write, when to retry, and what to park. It makes no call
//! and reads no clock: time, chance and configuration are arguments. So each decision can be
//! repeated, tested and simulated. The calls are made by the crate `io` and by the functions.
//!
//! # A worked example
//!
//! The CRM has sent two changes of one contact, and they arrived in the wrong order. One PATCH
//! brings the contact up to date:
//!
//! ```
//! use domain::contact::{Columns, Contact};
//! use domain::plan::{Action, Part, RankedChange, plan};
//! use domain::{Change, Rules};
//!
//! let parse = |event: &str, version: u64, phone: &str| {
//!     Change::parse(&format!(
//!         r#"{{"schema": 1, "org": "acme-us", "campaignId": "spring", "contactKey": "c-1",
//!             "eventId": "{event}", "version": {version}, "data": {{"phone": "{phone}"}}}}"#
//!     ))
//!     .unwrap()
//! };
//! let newer = parse("e-2", 8, "+15550102");
//! let older = parse("e-1", 7, "+15550101");
//!
//! // The contact as it was read. Its version column says that change 6 was applied last.
//! let columns = [("phone", "+15550100"), ("crmVersion", "6")];
//! let columns = columns.map(|(name, value)| (name.to_owned(), value.to_owned()));
//! let stored = Contact::new(Columns(columns.into()), true, Some("crmVersion"));
//!
//! let rules = Rules { version_field: Some("crmVersion".to_owned()), ..Rules::default() };
//! let ranked = [&newer, &older].map(|change| RankedChange::new(change, rules.ranking()));
//! let plan = plan(&ranked, Some(&stored), rules.wishes());
//!
//! let Action::Update { data, version, .. } = plan.action else { panic!() };
//! assert_eq!(data["phone"].as_deref(), Some("+15550102"));
//! assert_eq!(version.unwrap().rank, domain::Rank::new(8));
//! // The older change is folded into the newer one.
//! assert_eq!(plan.parts, [Part::Newest, Part::Superseded]);
//! ```
//!
//! # Where to look
//!
//! - [`change`] reads a change, [`rules`] holds what an org asks of it beyond that.
//! - [`plan`] says which write a contact needs. [`version`] explains the version column that makes
//!   changes comparable, and [`drift`] uses the same plan to compare a contact with the CRM.
//! - [`attempt`] takes one contact from its first read to its verdict; [`failure`] says what an
//!   error means for it.
//! - [`batch`] turns verdicts into the answer to Lambda, and [`retry`] says how long a message
//!   waits.
//! - [`budget`] and [`health`] say how many calls may be made, and whether any.
//! - [`outbox`] and [`depth`] order and bound what is sent to the queue.
//!
//! docs/contract.md lists every public name and shape, and docs/design.md says why the rules are as
//! they are.
#![warn(missing_docs)]

pub mod attempt;
pub mod batch;
pub mod budget;
pub mod change;
pub mod channel;
pub mod contact;
pub mod depth;
pub mod dnc;
pub mod drift;
pub mod failure;
pub mod health;
pub mod json;
pub mod number;
pub mod outbox;
pub mod plan;
pub mod retry;
pub mod rules;
pub mod version;

pub use change::{Change, Rank};
pub use contact::Contact;
pub use rules::Rules;
pub use version::Version;

/// Lower-case hexadecimal SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(bytes);
    let mut hex = String::with_capacity(2 * digest.len());
    // Every change is hashed. One `String` for each byte would be a tenth of a batch's allocations.
    hex.extend(
        digest
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|half| char::from(b"0123456789abcdef"[usize::from(half)])),
    );
    hex
}
