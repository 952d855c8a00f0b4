//! What campaign-sync decides, as pure functions over values.
//!
//! No async, no clock, no randomness, no environment and no client crate: all of these are
//! arguments, so that a decision can be repeated, tested and simulated. docs/contract.md and
//! docs/design.md name the rules that each module follows.
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
    // Of each change: a text for each byte was a tenth of all that a batch allocates.
    hex.extend(
        digest
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|half| char::from(b"0123456789abcdef"[usize::from(half)])),
    );
    hex
}
