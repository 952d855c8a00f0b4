//! Tests of the tokens of a feed: the request for one by each grant, and what an answer means.
//! Sending it and keeping the token is tested in `tests/it/reconcile/by_config/auth.rs`.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use serde_json::json;

use super::*;

fn oauth(more: &Value) -> Result<OAuth2, String> {
    let mut auth = json!({ "grant": "client_credentials", "tokenUrl": "https://login.crm.test/token?v=2", "clientId": "id&1",
                           "clientSecret": "hush +1" });
    let members = auth.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let text = auth.to_string();
    let mut members = Members::parse(&text).unwrap();
    let read = OAuth2::read(&mut members, false);
    let ended = read.and_then(|read| members.end().map(|()| read));
    ended.map_err(|error| error.to_string())
}

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn body(oauth: &OAuth2) -> String {
    let request = oauth.request(now()).unwrap();
    request.body.expose_secret().to_owned()
}

#[test]
fn each_grant_asks_as_the_standard_has_it() {
    let by_body = oauth(&json!({ "scope": "a b", "audience": "https://api" })).unwrap();
    assert_eq!(
        body(&by_body),
        "grant_type=client_credentials&scope=a%20b&audience=https%3A%2F%2Fapi&client_id=id%261&client_secret=hush%20%2B1"
    );
    let by_basic = oauth(&json!({ "style": "basic" })).unwrap();
    let request = by_basic.request(now()).unwrap();
    assert_eq!(request.url.as_str(), "https://login.crm.test/token?v=2");
    assert_eq!(
        request.body.expose_secret(),
        "grant_type=client_credentials"
    );
    let expected = format!("Basic {}", STANDARD.encode("id%261:hush%20%2B1"));
    assert_eq!(request.authorization.unwrap().expose_secret(), expected);
    let refresh =
        json!({ "grant": "refresh_token", "refreshToken": "hush/2", "clientSecret": null });
    assert_eq!(
        body(&oauth(&refresh).unwrap()),
        "grant_type=refresh_token&refresh_token=hush%2F2&client_id=id%261"
    );
}

#[test]
fn an_assertion_is_signed_by_the_private_key() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let base64 = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
    let jwt = json!({ "grant": "jwt-bearer", "clientSecret": null, "privateKey": pem, "subject": "me@acme.test", "keyId": "k1",
                      "audience": "https://login.salesforce.com", "scope": "api" });
    let body = body(&oauth(&jwt).unwrap());
    let assertion = body
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let json = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(
        json(header),
        json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" })
    );
    let expected = json!({ "iss": "id&1", "sub": "me@acme.test", "aud": "https://login.salesforce.com", "scope": "api",
                           "iat": now().as_second(), "exp": now().as_second() + 120 });
    assert_eq!(json(claims), expected);
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(public.verify(signed.as_bytes(), &signature).is_ok());
}

#[test]
fn a_token_is_kept_until_a_minute_before_its_end() {
    let plain = oauth(&json!({})).unwrap();
    let zoho = json!({ "headerFormat": "Zoho-oauthtoken {token}", "lifetimeSeconds": 900 });
    let zoho = oauth(&zoho).unwrap();
    for (oauth, answer, authorization, good_for) in [
        (
            &plain,
            json!({ "access_token": "t", "expires_in": 3600 }),
            "Bearer t",
            3_540,
        ),
        (
            &plain,
            json!({ "access_token": "t", "expires_in": "3600" }),
            "Bearer t",
            3_540,
        ),
        (
            &plain,
            json!({ "access_token": "t", "expires_in": 40 }),
            "Bearer t",
            20,
        ),
        (&plain, json!({ "access_token": "t" }), "Bearer t", 840),
        (
            &plain,
            json!({ "access_token": "t", "refresh_token": "unasked" }),
            "Bearer t",
            840,
        ),
        (
            &zoho,
            json!({ "access_token": "t", "instance_url": "x" }),
            "Zoho-oauthtoken t",
            840,
        ),
        (
            &zoho,
            json!({ "access_token": "t", "expires_in": 3600 }),
            "Zoho-oauthtoken t",
            3_540,
        ),
    ] {
        let token = oauth.token(StatusCode::OK, answer.to_string().as_bytes());
        let token = token.unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert_eq!(token.authorization.expose_secret(), authorization);
        assert_eq!(token.good_for.as_secs(), good_for, "{answer}");
    }
}

#[test]
fn the_error_of_an_answer_without_a_token_has_only_its_status_and_a_standard_code() {
    let refresh = oauth(&json!({ "grant": "refresh_token", "refreshToken": "hush2" })).unwrap();
    for (status, answer, expected) in [
        (
            400,
            r#"{"error": "invalid_grant", "error_description": "hush"}"#,
            "it answered 400 (invalid_grant): expected",
        ),
        (401, r#"{"error": "hush"}"#, "it answered 401: expected"),
        (403, "hush", "it answered 403: expected"),
        (302, "", "it answered 302: expected"),
        (
            200,
            r#"{"error": "invalid_client"}"#,
            "it answered 200 (invalid_client): expected",
        ),
        (
            200,
            r#"{"error": {"hush": 1}}"#,
            "it answered 200: expected",
        ),
        (200, "hush", "expected JSON with an access_token"),
        (
            200,
            r#"{"token": "hush"}"#,
            "expected JSON with an access_token",
        ),
        (
            200,
            r#"{"access_token": "hush\n"}"#,
            "expected JSON with an access_token",
        ),
        (
            200,
            r#"{"access_token": "hush", "refresh_token": "hush3"}"#,
            "it issues another refresh_token with each use",
        ),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let error = refresh.token(status, answer.as_bytes()).err().unwrap();
        let error = error.to_string();
        assert!(
            error.starts_with(expected) && !error.contains("hush"),
            "{error}"
        );
    }
    let same = br#"{"access_token": "t", "refresh_token": "hush2"}"#;
    assert!(refresh.token(StatusCode::OK, same).is_ok());
}

#[test]
fn an_invalid_member_is_named_without_its_value() {
    for (more, expected) in [
        (
            json!({ "grant": "password" }),
            "grant: expected client_credentials",
        ),
        (
            json!({ "tokenUrl": "http://hush.test/" }),
            "tokenUrl: expected a URL that begins with https://",
        ),
        (
            json!({ "tokenUrl": "https://a:hush@crm.test/" }),
            "tokenUrl: expected",
        ),
        (json!({ "clientSecret": null }), "clientSecret: expected"),
        (json!({ "clientSecret": "…" }), "clientSecret: expected"),
        (json!({ "clientSecret": "" }), "clientSecret: expected"),
        (json!({ "clientId": "…" }), "clientId: expected"),
        (
            json!({ "grant": "refresh_token", "refreshToken": "…" }),
            "refreshToken: expected",
        ),
        (
            json!({ "grant": "refresh_token" }),
            "refreshToken: expected",
        ),
        (
            json!({ "grant": "jwt-bearer", "privateKey": "hush" }),
            "privateKey: expected a private RSA key",
        ),
        (json!({ "headerFormat": "hush" }), "headerFormat: expected"),
        (json!({ "style": "header" }), "style: expected"),
        (
            json!({ "lifetimeSeconds": 59 }),
            "lifetimeSeconds: expected",
        ),
        (
            json!({ "refreshToken": "hush" }),
            "unknown member \"refreshToken\"",
        ),
    ] {
        let error = oauth(&more).err().unwrap();
        assert!(
            error.contains(expected) && !error.contains("hush"),
            "{error}"
        );
    }
}
