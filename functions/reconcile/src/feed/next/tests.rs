//! Tests of the cursor to which a page leads, for each kind of `next`: cursor, link, header, keyset
//! and offset. Reading the items of a page is tested through whole runs, in
//! `tests/it/reconcile/by_config/pages.rs`.

use secrecy::SecretString;
use serde_json::json;

use super::*;

/// The cursor of the page after one with this text, these links and this cursor.
fn next(
    how: Value,
    text: &Value,
    link: &[&str],
    cursor: Option<&str>,
) -> Result<Option<String>, String> {
    let secret = json!({ "auth": { "kind": "none" }, "next": how, "items": "/items",
                         "request": { "url": "https://crm.test/v1/contacts?at={cursor|0}" } });
    let with_cursor = SecretString::from(secret.to_string());
    let without = SecretString::from(secret.to_string().replace("?at={cursor|0}", ""));
    let secret = FeedSecret::parse(&with_cursor, false)
        .or_else(|_| FeedSecret::parse(&without, false))
        .unwrap();
    let io::secrets::Pages::Configured {
        next: Some(next), ..
    } = &secret.pages
    else {
        panic!("no next");
    };
    let at = Url::parse("https://crm.test/v1/contacts").unwrap();
    let mut headers = HeaderMap::new();
    for value in link {
        headers.append(LINK, value.parse().unwrap());
    }
    let text = text.to_string();
    let items = mapping::items(&text, Some("/items")).unwrap();
    Place {
        secret: &secret,
        at: &at,
        headers: &headers,
        text: &text,
        items: &items,
        cursor,
    }
    .next(next)
}

#[test]
fn a_cursor_is_a_text_or_a_number_and_its_absence_the_end() {
    let of = |value: Value| {
        next(
            json!({ "cursor": "/paging/next" }),
            &json!({ "items": [], "paging": { "next": value } }),
            &[],
            None,
        )
    };
    assert_eq!(of(json!("a b")).unwrap().as_deref(), Some("a b"));
    assert_eq!(of(json!(17)).unwrap().as_deref(), Some("17"));
    assert_eq!(of(json!(null)), Ok(None));
    assert_eq!(of(json!("")), Ok(None));
    assert_eq!(
        next(
            json!({ "cursor": "/paging/next" }),
            &json!({ "items": [] }),
            &[],
            None
        ),
        Ok(None)
    );
    for wrong in [
        json!(true),
        json!([1]),
        json!({}),
        json!("a\nb"),
        json!("x".repeat(4_097)),
    ] {
        assert!(
            of(wrong.clone()).unwrap_err().starts_with("next: expected"),
            "{wrong}"
        );
    }
}

#[test]
fn a_cursor_that_is_too_long_is_refused_with_the_bound_and_its_length() {
    let of = |how: Value, value: String| {
        let page = json!({ "items": [], "next": value });
        next(how, &page, &[], None)
    };
    let cursor = json!({ "cursor": "/next" });
    let longest = "x".repeat(4_096);
    assert_eq!(of(cursor.clone(), longest.clone()), Ok(Some(longest)));
    assert_eq!(
        of(cursor, "x".repeat(4_097)).unwrap_err(),
        "next: expected 1 to 4096 bytes without control characters, and there are 4097 bytes"
    );
    let link = format!(
        "https://crm.test/v1/contacts?$skiptoken={}",
        "x".repeat(5_000)
    );
    let expected = "next: expected 1 to 4096 bytes without control characters, and there are 5024 bytes in the \
        link's path and query: if it repeats the fields that request selects, select fewer";
    assert_eq!(of(json!({ "link": "/next" }), link).unwrap_err(), expected);
}

#[test]
fn a_link_of_another_origin_is_refused() {
    let of = |value: &str| {
        next(
            json!({ "link": "/@next" }),
            &json!({ "items": [], "@next": value }),
            &[],
            None,
        )
    };
    assert_eq!(of("/v1/more?a=1").unwrap().as_deref(), Some("/v1/more?a=1"));
    assert_eq!(
        of("https://crm.test/v1/more?a=%252C").unwrap().as_deref(),
        Some("/v1/more?a=%252C")
    );
    assert!(
        of("https://evil.test/v1/more")
            .unwrap_err()
            .contains("another origin")
    );
}

#[test]
fn the_header_link_is_read_by_its_relation() {
    let of = |how: Value, values: &[&str]| {
        next(
            json!({ "linkHeader": how }),
            &json!({ "items": [] }),
            values,
            None,
        )
    };
    let two = r#"<https://crm.test/a?p=1,2>; title="a, \"b\"; rel=next"; rel=prev, </a?p=2>; foo; REL="last Next""#;
    assert_eq!(of(json!(true), &[two]).unwrap().as_deref(), Some("/a?p=2"));
    assert_eq!(
        of(json!("prev"), &[two]).unwrap().as_deref(),
        Some("/a?p=1,2")
    );
    assert_eq!(
        of(json!(true), &["</a>; rel=last", "<b>; rel=\"next\""])
            .unwrap()
            .as_deref(),
        Some("/v1/b")
    );
    assert_eq!(of(json!(true), &[]), Ok(None));
    assert_eq!(
        of(json!(true), &["</a>; rel=prev; rel=next"]),
        Ok(None),
        "only the first counts"
    );
    for wrong in [
        "/a; rel=next",
        "</a",
        "</a>; rel=\"next",
        "</a> x; rel=next",
    ] {
        assert!(
            of(json!(true), &[wrong]).unwrap_err().contains("Link"),
            "{wrong}"
        );
    }
    assert!(
        of(json!(true), &["<//evil.test/>; rel=next"])
            .unwrap_err()
            .contains("another origin")
    );
}

#[test]
fn keyset_and_offset_go_on_until_a_page_has_no_item() {
    let items = |ids: &[Value]| json!({ "items": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>() });
    let keyset = json!({ "keyset": "/id" });
    assert_eq!(
        next(keyset.clone(), &items(&[json!("1"), json!(22)]), &[], None)
            .unwrap()
            .as_deref(),
        Some("22")
    );
    assert_eq!(
        next(keyset.clone(), &items(&[json!("1")]), &[], Some("0")),
        Ok(Some("1".to_owned())),
        "a page may be short"
    );
    assert_eq!(next(keyset.clone(), &items(&[]), &[], Some("1")), Ok(None));
    assert_eq!(
        next(json!({ "offset": {} }), &items(&[]), &[], Some("2")),
        Ok(None)
    );
    for wrong in [json!(null), json!("2' OR"), json!("x".repeat(257))] {
        let error = next(keyset.clone(), &items(&[json!("1"), wrong]), &[], None).unwrap_err();
        assert!(error.starts_with("next.keyset"), "{error}");
    }
    let offset = json!({ "offset": {} });
    let full = items(&[json!(1), json!(2)]);
    assert_eq!(
        next(offset.clone(), &full, &[], None).unwrap().as_deref(),
        Some("2")
    );
    assert_eq!(
        next(offset.clone(), &full, &[], Some("2"))
            .unwrap()
            .as_deref(),
        Some("4")
    );
    assert_eq!(
        next(offset, &items(&[json!(1)]), &[], Some("2"))
            .unwrap()
            .as_deref(),
        Some("3")
    );
}
