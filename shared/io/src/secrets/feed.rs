//! `{prefix}/feed/{org}`: where reconcile reads what the CRM says now.

use std::fmt;

use domain::change::CampaignId;
use jiff::Timestamp;
use reqwest::Url;
use secrecy::SecretString;

use super::members::{MalformedSecret, Members};

/// The secret of an org's CRM feed, read and checked.
#[derive(Clone)]
pub struct FeedSecret {
    /// May hold a tenant's name, or worse, in its query: never shown.
    url: Url,
    /// Shown to the feed.
    pub bearer_token: SecretString,
}

impl FeedSecret {
    /// Reads the JSON of a secret. `is_local`: in a local run the feed may be on loopback, without
    /// TLS.
    ///
    /// # Errors
    /// Names the first member that is missing, unknown or not as expected.
    pub fn parse(text: &SecretString, is_local: bool) -> Result<FeedSecret, MalformedSecret> {
        const URL: &str = "a URL that begins with https://, without user, password or fragment";
        let mut members = Members::of(text)?;
        let secret = FeedSecret {
            url: members.required("url", URL, |text| url(text, is_local))?,
            bearer_token: members.required(
                "bearerToken",
                "a token of visible ASCII characters",
                |token| {
                    let is_token =
                        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
                    is_token.then(|| SecretString::from(token))
                },
            )?,
        };
        members.end()?;
        Ok(secret)
    }

    /// The address of one page (docs/contract.md "CRM feed").
    pub fn page(&self, campaign: &CampaignId, since: Timestamp, cursor: Option<&str>) -> String {
        let mut url = self.url.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("campaignId", campaign.as_str())
            .append_pair("since", &since.to_string());
        if let Some(cursor) = cursor {
            query.append_pair("cursor", cursor);
        }
        drop(query);
        url.into()
    }
}

impl fmt::Debug for FeedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedSecret(hidden)")
    }
}

fn url(text: &str, is_local: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let is_allowed = url.scheme() == "https" || (url.scheme() == "http" && is_local && is_loopback);
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (is_allowed && is_plain).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, is_local: bool) -> Result<FeedSecret, String> {
        let text = serde_json::json!({ "url": url, "bearerToken": "hush" }).to_string();
        FeedSecret::parse(&SecretString::from(text), is_local).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_is_asked_for_by_campaign_time_and_cursor_beside_what_the_url_holds() {
        let secret = parse("https://crm.example.com/contacts?tenant=7", false).unwrap();
        let campaign = CampaignId::parse("c1").unwrap();
        let since = "2026-11-24T15:00:00Z".parse().unwrap();
        let page = |cursor| secret.page(&campaign, since, cursor);
        let first = "https://crm.example.com/contacts?tenant=7&campaignId=c1&since=2026-11-24T15%3A00%3A00Z";
        assert_eq!(page(None), first);
        assert_eq!(
            page(Some("a&b=/ é")),
            format!("{first}&cursor=a%26b%3D%2F+%C3%A9")
        );
    }

    #[test]
    fn a_token_goes_over_tls_alone_but_to_this_machine_in_a_local_run() {
        for url in [
            "http://127.0.0.1:8787/feed",
            "http://localhost/feed",
            "http://[::1]:80/feed",
        ] {
            assert!(parse(url, true).is_ok(), "{url}");
            assert!(parse(url, false).is_err(), "{url}");
        }
        for url in [
            "http://crm.example.com/contacts",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1/",
            "ftp://crm.example.com/",
            "https://user:hush@crm.example.com/",
            "https://hush@crm.example.com/",
            "https://crm.example.com/#hush",
            "crm.example.com/contacts",
            "",
        ] {
            let error = parse(url, true).unwrap_err();
            let expected =
                "url: expected a URL that begins with https://, without user, password or fragment";
            assert_eq!(
                error,
                format!("the secret is malformed: {expected}"),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_missing_unknown_or_no_token_is_named_and_nothing_is_shown() {
        let parse = |text: &str| {
            FeedSecret::parse(&SecretString::from(text), false).map_err(|error| error.to_string())
        };
        let error = |text: &str| parse(text).unwrap_err();
        assert!(error(r#"{"url": "https://crm.example.com/"}"#).contains("bearerToken: expected"));
        assert!(
            error(r#"{"url": "https://crm.example.com/", "bearerToken": "two\nlines"}"#)
                .contains("bearerToken")
        );
        let extra =
            r#"{"url": "https://crm.example.com/", "bearerToken": "hush", "token": "hush"}"#;
        assert_eq!(
            error(extra),
            "the secret is malformed: unknown member \"token\""
        );
        let good = parse(r#"{"url": "https://crm.example.com/?key=hush", "bearerToken": "hush"}"#);
        assert_eq!(format!("{good:?}"), "Ok(FeedSecret(hidden))");
    }
}
