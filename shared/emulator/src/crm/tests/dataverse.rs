use super::*;

const HOST: &str = "https://acme.crm.dynamics.com";
const LOGIN: &str =
    "https://login.microsoftonline.com/7d1a5c3e-0000-4000-8000-000000000001/oauth2/v2.0/token";

fn id(n: u32) -> String {
    format!("6d81597f-0f9f-e711-8122-{n:012x}")
}

fn dataverse() -> Crm {
    let crm = crm(Vendor::Dataverse);
    for n in 0..7 {
        crm.put(json!({ "contactid": id(n), "firstname": "Ada", "mobilephone": null, "donotphone": n == 1, "statecode": u32::from(n == 6),
            "crm_campaign": if n == 0 { "it's" } else { "spring" }, "modifiedon": format!("2026-11-24T16:00:0{n}Z") }));
    }
    crm
}

async fn ask(crm: &Crm, url: &str) -> (u16, Value) {
    let scope = format!("&scope={}", encoded(&format!("{HOST}/.default")));
    let token = token(crm, LOGIN, &scope).await;
    let call = Call::get(url).bearer(&token);
    call.with("prefer", "odata.maxpagesize=2").of(crm).await
}

fn rows(filter: &str) -> String {
    let filter = encoded(filter);
    format!(
        "{HOST}/api/data/v9.2/contacts?$select=firstname,donotphone,modifiedon&$filter={filter}"
    )
}

#[tokio::test(start_paused = true)]
async fn rows_are_read_page_by_page_by_the_returned_links() {
    let crm = dataverse();
    let mut url = rows("modifiedon ge 2026-11-24T16:00:01Z and crm_campaign eq 'spring'");
    let mut seen = Vec::new();
    loop {
        let (status, body) = ask(&crm, &url).await;
        assert_eq!(status, 200, "{body}");
        if seen.is_empty() {
            let first = json!({ "@odata.etag": "W/\"4711\"", "contactid": id(1), "firstname": "Ada", "donotphone": true, "modifiedon": "2026-11-24T16:00:01Z" });
            assert_eq!(body["value"][0], first);
        }
        seen.extend(ids(&body["value"], "contactid"));
        let Some(next) = body["@odata.nextLink"].as_str() else {
            break;
        };
        assert!(next.starts_with(&format!("{HOST}/api/data/v9.2/contacts?$select=")));
        assert!(
            next.contains("%253C"),
            "the cookie is encoded twice: {next}"
        );
        assert!(next.contains("&$filter=modifiedon"), "{next}");
        url = next.to_owned();
    }
    assert_eq!(seen, (1..7).map(id).collect::<Vec<_>>());
    let filter = format!(
        "crm_campaign eq 'it''s' and contactid eq {} and statecode eq 0",
        id(0)
    );
    let (_, body) = ask(&crm, &rows(&filter)).await;
    assert_eq!(ids(&body["value"], "contactid"), [id(0)]);
    let (_, body) = ask(
        &crm,
        &(rows("mobilephone eq null and firstname ne null") + "&$orderby=modifiedon%20desc"),
    )
    .await;
    assert_eq!(ids(&body["value"], "contactid"), [id(6), id(5)]);
}

#[tokio::test(start_paused = true)]
async fn unknown_options_of_odata_are_refused() {
    let crm = dataverse();
    for filter in [
        "contains(firstname,'Ada')",
        "firstname eq 'a' or firstname eq 'b'",
        "firstname = 'a' x",
        "modifiedon ge '2026-11-24T16:00:01Z'",
        "modifiedon ge last",
        "misspelt eq 1",
        "donotphone eq 'true'",
        "firstname",
    ] {
        let (status, body) = ask(&crm, &rows(filter)).await;
        assert_eq!(status, 400, "{filter}: {body}");
    }
    let base = format!("{HOST}/api/data/v9.2/contacts");
    for (query, status) in [
        ("?$select=misspelt", 400),
        ("?$expand=owner", 400),
        ("?$skiptoken=other", 400),
        ("?$orderby=modifiedon%20up", 400),
        ("", 200),
    ] {
        assert_eq!(
            ask(&crm, &format!("{base}{query}")).await.0,
            status,
            "{query}"
        );
    }
    assert_eq!(
        ask(&crm, &format!("{HOST}/api/data/v9.2/leads")).await.0,
        404
    );
    assert_eq!(Call::get(&base).bearer("another").of(&crm).await.0, 401);
    let form = format!(
        "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}&scope=other"
    );
    let call = Call::post(LOGIN, form).with("content-type", "application/x-www-form-urlencoded");
    let (status, body) = call.of(&crm).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_scope")));
    crm.end_tokens();
}
