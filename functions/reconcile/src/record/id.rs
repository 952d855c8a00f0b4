//! Shorter ids of campaigns, for a record that would be too large: a UUID in 23 characters instead
//! of 36.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The first character of a shorter id. No id of a campaign contains it.
const MARK: char = '~';

/// Shortens an id. `None` means that it is no UUID as Genesys Cloud writes them.
pub(super) fn short(id: &str) -> Option<String> {
    let digits: String = id.split('-').collect();
    let number = u128::from_str_radix(&digits, 16).ok()?;
    let short = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(number.to_be_bytes()));
    (long(&short)? == id).then_some(short)
}

/// The UUID of a shorter id. `None` means that the id is not a shorter one.
pub(super) fn long(short: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(short.strip_prefix(MARK)?).ok()?;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes.try_into().ok()?));
    let part = |from, to| digits.get(from..to);
    let parts = [
        part(0, 8)?,
        part(8, 12)?,
        part(12, 16)?,
        part(16, 20)?,
        part(20, 32)?,
    ];
    Some(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_shortened_and_comes_back_and_nothing_else_is() {
        for id in [
            "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ] {
            let short = short(id).unwrap();
            assert_eq!(short.len(), 23);
            assert_eq!(long(&short).as_deref(), Some(id));
        }
        for id in [
            "",
            "a",
            "5F0C1E1A-6F0E-4D6E-9F55-0F6F4B3F9A11",
            "5f0c1e1a6f0e4d6e9f550f6f4b3f9a11",
            "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a112",
            "+f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11",
            "5f0c1e1a-6f0e-4d6e-9f550-f6f4b3f9a11",
        ] {
            assert_eq!(short(id), None, "{id}");
        }
        for text in ["5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11", "~", "~é", "~AAAA"] {
            assert_eq!(long(text), None, "{text}");
        }
    }
}
