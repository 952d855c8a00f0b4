//! The campaigns and sources of the made-up CRM. `local` creates them, and the sample events name
//! them.

/// Each campaign, behind the org that it belongs to.
pub(crate) const CAMPAIGNS: [(&str, &str); 3] = [
    ("acme-us", "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11"),
    ("acme-us", "0b7a52c4-5a1d-4f0e-8a3c-6f1f0d8c2e22"),
    ("acme-eu", "c3d9f7e6-1b2a-4c5d-9e8f-7a6b5c4d3e33"),
];

/// The secret that every source signs its webhooks with.
pub(crate) const SIGNING_SECRET: &str = "whsec_bG9jYWwgcnVucyBvbmx5LCBubyBzZWNyZXQ=";

/// The secret of the source through which the org's CRM sends its webhooks.
pub(crate) fn of_org(org: &str) -> serde_json::Value {
    serde_json::json!({ "signingSecrets": [SIGNING_SECRET], "org": org })
}

/// The name of the source through which the org's CRM sends its webhooks.
pub(crate) fn source_of(org: &str) -> String {
    format!("crm-{org}")
}
