//! `campaign-sync check` on the secrets of orgs, feeds and sources: what it says each holds, and
//! what is wrong. No finding holds a value of a secret. Campaigns are in [`super`].

use super::*;

#[tokio::test]
async fn every_kind_of_secret_is_checked() {
    let served = Served::new().await;
    let put = |name: &str, secret: Value| {
        served
            .vault
            .put(&format!("campaign-sync/{name}"), secret.to_string())
    };
    put(
        "source/crm",
        json!({ "signingSecrets": [SIGNING, SIGNING], "org": "ranked" }),
    );
    put(
        "source/flow",
        json!({ "auth": "bearer", "bearerTokens": ["canary"], "campaignId": "c1" }),
    );
    put(
        "feed/ranked",
        json!({ "url": "https://crm.example.com/?key=canary", "bearerToken": "canary" }),
    );
    let arguments = [
        "check", "--org", "ranked", "--source", "crm", "--source", "flow",
    ];
    let (status, _, shown) = served.command(&arguments).await;
    for expected in [
        "ok    secret campaign-sync/org/ranked: api predictive",
        "ok    secret campaign-sync/feed/ranked: a URL and a token",
        "ok    secret campaign-sync/source/crm: signing secrets: 2; its changes go to ranked, any campaign",
        "ok    secret campaign-sync/source/flow: bearer tokens: 1; its changes go to any org, c1",
        "note  secret campaign-sync/source/flow: 1 bearer token shorter than 16 bytes",
    ] {
        assert!(
            shown.lines().any(|line| line.starts_with(expected)),
            "{expected}\n{shown}"
        );
    }
    assert_eq!((status, shown.contains("canary")), (0, false), "{shown}");

    served.put_secret("lists", &json!({ "api": "contactLists", "optOut": "all" }));
    let (_, _, shown) = served.command(&["check", "--org", "lists"]).await;
    let expected = "raise own, 300 calls a minute, an opt-out lowers every channel\n";
    assert!(shown.contains(expected), "{shown}");

    let mut feed = json!({
        "auth": { "kind": "oauth2", "grant": "client_credentials", "tokenUrl": "https://canary.test/", "clientId": "canary",
                  "clientSecret": "canary" },
        "request": { "url": "https://crm.example.com/canary" }, "next": { "link": "/next" }, "mapping": { "jq": "." },
    });
    put("feed/lists", feed.clone());
    let (_, _, shown) = served.command(&["check", "--org", "lists"]).await;
    let expected = "secret campaign-sync/feed/lists: a request, auth client_credentials, next link, mapping jq\n";
    assert!(
        shown.contains(expected) && !shown.contains("canary"),
        "{shown}"
    );
    feed["request"]["url"] = "http://crm.example.com/canary".into();
    put("feed/lists", feed);
    let (status, _, shown) = served.command(&["check", "--org", "lists"]).await;
    let expected = "secret campaign-sync/feed/lists: the secret is malformed: request: url: expected a URL that begins with https://";
    assert!(
        status == 1 && shown.contains(expected) && !shown.contains("canary"),
        "{shown}"
    );

    // Without `--org`, Genesys Cloud is not called.
    let calls = served.genesys.calls().len();
    let (status, lines, shown) = check(&served, &["--source", "crm"]).await;
    assert_eq!((status, wrong(&lines)), (0, vec![]), "{shown}");
    assert_eq!(served.genesys.calls().len(), calls);
    let (status, _, shown) = served.command(&["check"]).await;
    assert!(status == 2 && shown.contains("--org"), "{shown}");
}

#[tokio::test]
async fn check_reports_how_a_source_authenticates_and_with_how_many_secrets() {
    let served = Served::new().await;
    let key = "canary-of-sixteen-bytes";
    for (auth, expected) in [
        (
            json!({ "preset": "stripe", "secrets": [key] }),
            "signatures (hmac-sha256) in the header stripe-signature, good for 180 s, secrets: 1",
        ),
        (
            json!({ "preset": "hubspotV2", "secrets": [key, key, key], "url": "https://canary.example.com/" }),
            "signatures (sha256) in the header x-hubspot-signature, without a time, so somebody who overhears a \
             request can send it again later, secrets: 3",
        ),
        (
            json!({ "basic": { "user": "canary", "passwords": [key, key] } }),
            "authorization: Basic, passwords: 2",
        ),
        (
            json!({ "header": { "name": "X-Api-Key", "values": [key] } }),
            "tokens in the header x-api-key: 1",
        ),
        (
            json!({ "query": { "name": "token", "values": [key] } }),
            "tokens in the query, as token: 1",
        ),
        (
            json!({ "body": { "pointer": "/a/token", "values": [key] } }),
            "tokens in the body, at /a/token: 1",
        ),
    ] {
        let secret = json!({ "auth": auth, "org": "ranked" });
        served
            .vault
            .put("campaign-sync/source/crm", secret.to_string());
        let (status, _, shown) = served.command(&["check", "--source", "crm"]).await;
        let expected = format!(
            "ok    secret campaign-sync/source/crm: {expected}; its changes go to ranked, any campaign"
        );
        assert!(
            shown.lines().any(|line| line.trim_end() == expected),
            "{expected}\n{shown}"
        );
        assert_eq!((status, shown.contains("canary")), (0, false), "{shown}");
    }
    let secret = json!({ "auth": { "preset": "github", "secrets": ["canary"] } });
    served
        .vault
        .put("campaign-sync/source/crm", secret.to_string());
    let (status, _, shown) = served.command(&["check", "--source", "crm"]).await;
    let expected = "auth: secrets: expected secrets of 16 bytes or more";
    assert!(status == 1 && shown.contains(expected), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn check_reports_why_a_secret_cannot_be_used_and_what_to_do() {
    let served = Served::new().await;
    for (error, to_do) in [
        (SecretsError::Missing, "create it"),
        (
            SecretsError::PendingDeletion,
            "aws secretsmanager restore-secret",
        ),
        (
            SecretsError::NoCurrentVersion,
            "no version of it is AWSCURRENT",
        ),
        (SecretsError::NoText, "SecretBinary and no text"),
        (SecretsError::Denied, "secretsmanager:GetSecretValue"),
    ] {
        for name in ["org/lists", "source/crm", "feed/ranked"] {
            served.vault.fail(&format!("campaign-sync/{name}"), error);
        }
        for (arguments, name) in [
            (["--org", "lists"], "org/lists"),
            (["--source", "crm"], "source/crm"),
            (["--org", "ranked"], "feed/ranked"),
        ] {
            if (error, name) == (SecretsError::Missing, "feed/ranked") {
                continue;
            }
            let (status, lines, shown) = check(&served, &arguments).await;
            let what = format!("secret campaign-sync/{name}");
            assert_eq!((status, wrong(&lines)), (1, vec![what.as_str()]), "{shown}");
            assert!(shown.contains(to_do), "{shown}");
            let restores = shown.contains("restore-secret");
            assert_eq!(restores, error == SecretsError::PendingDeletion, "{shown}");
        }
    }
    for (secret, expected) in [
        (
            r#"{"signingSecrets": ["whsec_c2hvcnQ=", "whsec_bm9ib2R5IGtub3dzIHRoaXMgb25lLCBub2JvZHk="]}"#,
            "1 of its signing secrets is shorter than 24 bytes",
        ),
        (
            r#"{"signingSecrets": ["whsec_c2hvcnQ="]}"#,
            "signingSecrets: expected at least one of 24 bytes or more",
        ),
        (
            r#"{"signingSecrets": ["v1,whsec_canary"]}"#,
            "whsec_ and base64, without v1, in front",
        ),
        (
            r#"{"signingSecrets": [], "\u006frg": "canary", "org": "canary"}"#,
            "org: expected once",
        ),
    ] {
        served.vault.put("campaign-sync/source/crm", secret);
        let (status, _, shown) = check(&served, &["--source", "crm"]).await;
        assert!(
            status == 1 && shown.contains(expected) && !shown.contains("canary"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_sample_that_is_an_event_is_tried_as_one() {
    let served = Served::new().await;
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/crm", "type": "changed", "data": { "id": "a", "at": 7 } });
    let mut odd = event.clone();
    odd.as_object_mut().unwrap().remove("type");
    let reads = "{ eventId: $cloudevent.id, contactKey: .id, version: .at, data: {} }";
    let whole = "{ eventId: .id, contactKey: .data.id, version: .data.at, data: {} }";
    let preset = json!({ "preset": "cloudevents", "key": "id", "version": "at", "columns": {}, "optOut": "none" });
    for (mapping, sample, is_right) in [
        (json!({ "jq": reads }), &event, true),
        (json!({ "jq": reads }), &json!([event, event]), true),
        // A program that reads the event itself gets the event as application/json.
        (json!({ "jq": whole }), &event, true),
        (preset, &event, true),
        (json!({ "jq": reads }), &odd, false),
    ] {
        let mut mapping = mapping;
        mapping["sample"] = sample.clone();
        let secret = json!({ "auth": "bearer", "bearerTokens": ["a-token-of-the-crm"], "org": "ranked", "campaignId": "c", "mapping": mapping });
        served.put_source("events", &secret);
        let (status, lines, shown) = check(&served, &["--source", "events"]).await;
        assert_eq!(
            (status == 0, wrong(&lines).is_empty()),
            (is_right, is_right),
            "{sample}: {shown}"
        );
        let expected = if is_right {
            "of whose sample it makes "
        } else {
            "does not know its own sample"
        };
        assert!(shown.contains(expected), "{sample}: {shown}");
    }
}
