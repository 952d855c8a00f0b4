//! `campaign-sync source`: it reports what ingest would make of a webhook, before anything is sent.
//! Parked bodies as input are in `parked`; ingest itself is in the modules `ingest_…`.

mod parked;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ingest::auth::{self, Authenticity, Shown};
use io::secrets::SourceSecret;
use serde_json::{Value, json};

const AT: &str = "2026-11-24T16:00:00Z";
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const EVENT: [&str; 8] = [
    "--header",
    "ce-specversion: 1.0",
    "--header",
    "ce-id: 7",
    "--header",
    "ce-source: /crm",
    "--header",
    "ce-type: it's new",
];

struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

fn ran(arguments: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_campaign-sync"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A command that ends without reading its input breaks the pipe.
    let writing = std::thread::spawn(move || drop(pipe.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        status: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Runs `source test` on a body from standard input. `name` names the file of the secret, one for
/// each test.
fn tested(name: &str, secret: &Value, body: &str, more: &[&str]) -> Ran {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("source-{name}.json"));
    std::fs::write(&file, secret.to_string()).unwrap();
    let file = file.to_str().unwrap();
    ran(
        &[&["source", "test", "--secret", file, "-"], more].concat(),
        body,
    )
}

/// A source's secret with this `auth`.
fn source(auth: &Value) -> Value {
    let mut secret = json!({ "org": "acme", "campaignId": "c1" });
    let members = secret.as_object_mut().unwrap();
    members.extend(auth.as_object().unwrap().clone());
    secret
}

fn bearer() -> Value {
    source(&json!({ "auth": "bearer", "bearerTokens": ["a-token-of-the-crm"] }))
}

fn signing() -> Value {
    source(&json!({ "signingSecrets": [format!("whsec_{KEY}")] }))
}

/// Every way to authenticate.
fn ways() -> [Value; 7] {
    [
        signing(),
        bearer(),
        source(
            &json!({ "auth": { "basic": { "user": "crm", "passwords": ["a-password-of-the-crm"] } } }),
        ),
        source(&json!({ "auth": { "header": { "name": "x-acme-token", "values": [KEY] } } })),
        source(&json!({ "auth": { "query": { "name": "to&ken", "values": [KEY] } } })),
        source(&json!({ "auth": { "body": { "pointer": "/token", "values": [KEY] } } })),
        source(&json!({ "auth": { "preset": "github", "secrets": [KEY] } })),
    ]
}

fn people() -> Value {
    let mut secret = bearer();
    secret["mapping"] = json!({ "jq": "if .deal then empty elif .id == null then error(\"id is missing\") \
        else { eventId: \"e\", contactKey: .id, version: .at, data: { phone: .phone, note: null }, callable: (.off | not) } end" });
    secret
}

const PEOPLE: &str =
    r#"[{"id": "a", "at": 7, "phone": "+1", "off": true}, {"deal": true}, {"name": "x"}]"#;

/// A change as a source without a mapping sends it.
fn change() -> Value {
    json!({ "eventId": "e", "contactKey": "a", "version": 7, "data": {} })
}

#[test]
fn source_test_reports_changes_ignored_items_and_faults() {
    let told = tested("table", &people(), PEOPLE, &[]);
    assert_eq!(told.status, 1, "a fault");
    for expected in [
        "let in by bearer tokens: not checked: ",
        "│ /0   ┆ a       ┆ c1       ┆ 7       ┆ note is cleared",
        "phone: +1",
        "callable: false",
        "3 items of the body: 1 change\nignored: /1\nfault at /2: unmapped: jq: the program failed: id is missing\n",
        "Items with faults would be parked as unmapped",
    ] {
        assert!(
            told.out.contains(expected),
            "{expected}\nis not in\n{}",
            told.out
        );
    }
    let mut refuses = people();
    refuses["onFault"] = json!("refuse");
    let told = tested("table", &refuses, PEOPLE, &[]);
    assert!(
        told.out.contains("The request would be answered 400"),
        "{}",
        told.out
    );
    let told = tested("table", &people(), r#"{"id": "a", "at": 7}"#, &[]);
    assert_eq!(told.status, 0, "{}", told.out);
    assert!(told.out.contains("the body ┆ a"), "{}", told.out);
}

#[test]
fn source_test_reports_the_same_as_json() {
    let shown = ["--json", "--header", "authorization: Bearer nobody's"];
    let told = tested("json", &people(), PEOPLE, &shown);
    assert_eq!(told.status, 1);
    let change = json!({ "schema": 1, "eventId": "e", "org": "acme", "campaignId": "c1", "contactKey": "a", "source": "test",
        "version": 7, "data": { "phone": "+1", "note": null }, "callable": false });
    assert_eq!(
        told.json(),
        json!({
            "letIn": false, "letInBy": "bearer tokens",
            "why": "no: the secret or token is wrong or of another kind, or the body or headers were changed on the way",
            "refused": null,
            "changes": [{ "pointer": "/0", "change": change }],
            "ignored": ["/1"],
            "faults": [{ "pointer": "/2", "code": "unmapped", "message": "jq: the program failed: id is missing" }],
        })
    );
}

#[test]
fn only_what_the_source_reads_authenticates() {
    let other = [
        "--json",
        "--header",
        "content-type: application/json",
        "--header",
        "x-kind: a",
    ];
    let body = json!({ "changes": [change()] }).to_string();
    for (place, way) in ways().into_iter().enumerate() {
        // None of these authenticates. One that nothing reads was probably meant as a credential.
        for (given, expected) in [(&other[..3], (0, Value::Null)), (&other, (1, json!(false)))] {
            let told = tested(&format!("shows-{place}"), &way, &body, given);
            let found = told.json();
            let seen = (told.status, found["letIn"].clone());
            assert_eq!(seen, expected, "{way}: {found}");
        }
    }
    let [
        standard,
        bearer,
        basic,
        header,
        query,
        body_token,
        signature,
    ] = ways();
    for (place, (way, shown)) in [
        (&standard, ["--header", "webhook-id: 1"]),
        (&standard, ["--header", "svix-signature: v1,x"]),
        (&bearer, ["--header", "authorization: Bearer x"]),
        (&basic, ["--header", "authorization: Basic eDp5"]),
        (&header, ["--header", "x-acme-token: x"]),
        (&query, ["--query", "token=x"]),
        (&signature, ["--header", "x-hub-signature-256: sha256=00"]),
    ]
    .into_iter()
    .enumerate()
    {
        let more = [&other[..], &shown].concat();
        let told = tested(&format!("shown-{place}"), way, &body, &more);
        let found = told.json();
        assert_eq!(
            (told.status, &found["letIn"]),
            (1, &json!(false)),
            "{shown:?}: {found}"
        );
    }
    let told = tested("shown-body", &body_token, r#"{"token": "x"}"#, &other);
    assert_eq!(
        (told.status, &told.json()["letIn"]),
        (1, &json!(false)),
        "{}",
        told.out
    );
}

/// The arguments that a shell would pass to curl.
fn arguments(command: &str) -> Vec<String> {
    let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}\n{command}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The values of each occurrence of an option.
fn behind<'a>(arguments: &'a [String], option: &str) -> Vec<&'a str> {
    let pairs = arguments.windows(2);
    let pairs = pairs.filter(|pair| pair[0] == option);
    pairs.map(|pair| pair[1].as_str()).collect()
}

fn header_map(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn a_request_that_source_test_sign_prints_is_let_in() {
    let body = json!({ "note": "it's \"here\"\n" }).to_string();
    for (place, way) in ways().into_iter().enumerate() {
        let name = format!("sign-{place}");
        let more = ["--at", AT, "--sign", "https://example.com/webhooks/crm"];
        let signed = tested(&name, &way, &body, &more);
        assert_eq!(signed.status, 0, "{}", signed.err);
        let arguments = arguments(&signed.out);
        let lines = behind(&arguments, "-H");
        let [sent] = behind(&arguments, "--data-raw")[..] else {
            panic!("{arguments:?}")
        };
        let headers = header_map(&lines);
        let url = arguments.iter().find(|one| one.starts_with("https:"));
        let query = url.unwrap().split_once('?').map_or("", |(_, query)| query);
        let secret = SourceSecret::parse(&way.to_string().into()).unwrap();
        let shown = Shown {
            method: &Method::POST,
            headers: &headers,
            query,
            body: sent.as_bytes(),
            now: AT.parse().unwrap(),
        };
        assert_eq!(
            auth::judge(&secret.auth, &shown),
            Authenticity::Authentic,
            "{way}"
        );
        // The credentials that curl would send are let in.
        let mut more = vec!["--json", "--at", AT, "--query", query];
        more.extend(lines.iter().flat_map(|line| ["--header", line]));
        let told = tested(&name, &way, sent, &more);
        assert_eq!(told.json()["letIn"], json!(true), "{}", told.out);
    }
}

#[test]
fn a_request_that_source_test_sign_prints_has_the_headers_that_matter() {
    let mut secret = bearer();
    secret["mapping"] = json!({ "jq": "empty", "headers": ["x-kind"] });
    let own = [
        "--sign",
        "https://example.com/",
        "--header",
        "x-kind: person",
        "--header",
        "Authorization: Bearer other",
        "--header",
        "content-type: application/vnd.acme+json",
    ];
    let signed = tested("sign-headers", &secret, "{}", &[&own[..], &EVENT].concat());
    let arguments = arguments(&signed.out);
    let mut lines = behind(&arguments, "-H");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "authorization: Bearer a-token-of-the-crm",
            "ce-id: 7",
            "ce-source: /crm",
            "ce-specversion: 1.0",
            "ce-type: it's new",
            "content-type: application/vnd.acme+json",
            "x-kind: person",
        ],
        "{}",
        signed.out
    );
}

#[test]
fn a_body_that_ingest_refuses_becomes_no_change() {
    let body = change().to_string();
    let binary = tested("whole-bearer", &bearer(), &body, &EVENT);
    assert_eq!(binary.status, 0, "{}", binary.out);
    let large = format!("{}{body}", " ".repeat(256 << 10));
    for (name, secret, body, more, status) in [
        ("signed", signing(), &body, &EVENT[..], 400),
        ("large", bearer(), &large, &[], 413),
        (
            "text",
            bearer(),
            &body,
            &["--header", "content-type: text/plain"],
            415,
        ),
        (
            "gzip",
            bearer(),
            &body,
            &["--header", "content-encoding: gzip"],
            415,
        ),
    ] {
        let name = format!("whole-{name}");
        let told = tested(&name, &secret, body, &[&["--json"], more].concat());
        let found = told.json();
        assert_eq!(
            (told.status, &found["refused"]["status"], &found["changes"]),
            (1, &json!(status), &json!([])),
            "{name}: {found}"
        );
        let told = tested(&name, &secret, body, more);
        let expected = format!("The request would be answered {status}: ");
        assert!(told.out.contains(&expected), "{name}: {}", told.out);
        let sign = ["--sign", "https://example.com/"];
        let signed = tested(&name, &secret, body, &[&sign[..], more].concat());
        assert_eq!((signed.status, &*signed.out), (2, ""), "{}", signed.err);
    }
}

#[test]
fn source_test_reports_what_is_wrong_with_a_mapping_and_where() {
    let mut secret = bearer();
    secret["mapping"] = json!({ "jq": "{ contactKey: .id,\n  version: .at | nothing }" });
    let told = tested("malformed", &secret, "{}", &[]);
    assert_eq!(told.status, 2, "{}", told.out);
    assert!(
        told.err.contains("mapping.jq, line 2, column 18: "),
        "{}",
        told.err
    );
}

#[test]
fn a_preset_is_printed_by_its_name() {
    let names = ran(&["source", "preset"], "");
    let all: Vec<_> = mapping::presets().collect();
    assert_eq!(names.out.lines().collect::<Vec<_>>(), all);
    for name in all {
        let printed = ran(&["source", "preset", name], "");
        let program = mapping::preset(name).unwrap();
        assert_eq!(
            (printed.status, printed.out.trim_end()),
            (0, program.trim_end())
        );
    }
    let unknown = ran(&["source", "preset", "siebel"], "");
    assert_eq!((unknown.status, &*unknown.out), (2, ""));
    let expected = "siebel: there is no such preset: expected one of hubspot, ";
    assert!(unknown.err.contains(expected), "{}", unknown.err);
}
