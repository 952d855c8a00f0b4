//! What campaign-sync decides, as pure functions over values.
//!
//! No async, no clock, no randomness, no environment and no client crate: all of these are arguments, so that a
//! decision can be repeated, tested and simulated. CONTRACT.md and DESIGN.md name the rules that each module follows.
#![warn(missing_docs)]

pub mod batch;
pub mod change;
pub mod contact;
pub mod drift;
pub mod json;
pub mod plan;
pub mod retry;

pub use change::{Change, Rank};
pub use contact::Contact;

/// Lower-case hexadecimal SHA-256.
fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
