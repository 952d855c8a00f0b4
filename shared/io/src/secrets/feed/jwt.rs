//! Assertions signed with RS256 (RFC 7515, RFC 7518 section 3.3).

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A private RSA key of at least 2048 bits.
pub(super) struct SigningKey(KeyPair);

impl SigningKey {
    /// Reads a key in PEM, as PKCS #8 or PKCS #1.
    pub(super) fn parse(pem: &str) -> Option<Arc<SigningKey>> {
        let key = match der(pem, "PRIVATE KEY") {
            Some(der) => KeyPair::from_pkcs8(&der),
            None => KeyPair::from_der(&der(pem, "RSA PRIVATE KEY")?),
        };
        let key = key.ok().filter(|key| key.public_modulus_len() >= 256);
        key.map(|key| Arc::new(SigningKey(key)))
    }

    /// The claims as a signed token.
    pub(super) fn signed(&self, key_id: Option<&str>, claims: &Value) -> Option<String> {
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(id) = key_id {
            header["kid"] = id.into();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = SystemRandom::new();
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The bytes between the lines with this label.
fn der(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, after) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (base64, _) = after.split_once(&format!("-----END {label}-----"))?;
    let base64: String = base64.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(base64).ok()
}
