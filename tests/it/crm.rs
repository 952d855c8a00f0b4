//! The examples of docs/crm.md and docs/crm/. Each shows a source's secret, what its vendor sends,
//! and the changes that it becomes. The product must turn the one into the other. Feeds are in
//! `feeds`, and the presets have unit tests in the crate `mapping`.

pub(crate) mod feeds;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::change::SourceName;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use ingest::auth;
use ingest::cloud_event::Form;
use ingest::webhook::{self, Body};
use io::secrets::SourceSecret;
use jiff::Timestamp;
use mapping::PRESETS;
use serde_json::Value;

/// The info strings of the fenced blocks of an example, in order.
const KINDS: [&str; 3] = ["json secret", "json body", "json changes"];
/// The placeholder for a secret of the reader.
const BLANK: &str = "\"…\"";
const FILLED: &str = "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"";

struct Example {
    page: String,
    secret: String,
    headers: HeaderMap,
    body: String,
    changes: Vec<Value>,
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The pages by their names.
fn pages() -> Vec<(String, String)> {
    let files = std::fs::read_dir(docs().join("crm")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = paths
        .filter(|path| path.extension() == Some("md".as_ref()))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    pages.sort();
    pages
}

/// The fenced blocks of a page: each info string, and the text of the block.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in page.lines() {
        let Some(info) = line.strip_prefix("```") else {
            if let Some((_, text)) = &mut open {
                text.push_str(line);
                text.push('\n');
            }
            continue;
        };
        match open.take() {
            Some(block) => blocks.push(block),
            None => open = Some((info, String::new())),
        }
    }
    blocks
}

fn kind(info: &str) -> Option<&'static str> {
    KINDS.into_iter().find(|kind| {
        let rest = info.strip_prefix(kind);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// The headers that the sender adds to the body, such as
/// `content-type:application/cloudevents+json`.
fn headers(info: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for header in info.split_whitespace().skip(2) {
        let (name, value) = header.split_once(':').unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let json = HeaderValue::from_static("application/json");
    headers.entry(CONTENT_TYPE).or_insert(json);
    headers
}

/// The examples of a page. Each is three blocks.
fn examples(page: &str, text: &str) -> Vec<Example> {
    let mut blocks = blocks(text);
    blocks.retain(|(info, _)| kind(info).is_some());
    let examples = blocks.chunks(KINDS.len()).map(|blocks| {
        let kinds: Vec<_> = blocks.iter().filter_map(|(info, _)| kind(info)).collect();
        assert_eq!(kinds, KINDS, "{page}");
        let [(_, secret), (info, body), (_, changes)] = blocks else {
            panic!("{page}: not three blocks");
        };
        let changes = serde_json::from_str(changes);
        Example {
            page: page.to_owned(),
            secret: secret.clone(),
            headers: headers(info),
            body: body.clone(),
            changes: changes.unwrap_or_else(|error| panic!("{page}: {error}")),
        }
    });
    examples.collect()
}

fn all() -> Vec<Example> {
    let mut pages = pages();
    let index = std::fs::read_to_string(docs().join("crm.md")).unwrap();
    pages.push(("crm.md".to_owned(), index));
    let examples = pages.iter().flat_map(|(page, text)| examples(page, text));
    examples.collect()
}

/// The source's secret and the vendor's body of the example with this preset.
pub(crate) fn webhook(page: &str, preset: &str) -> (Value, String) {
    let mut examples = all().into_iter();
    let is_meant = |example: &Example| {
        let mapping = example.source().mapping;
        example.page == page && mapping.is_some_and(|mapping| mapping.name() == preset)
    };
    let example = examples.find(is_meant).unwrap();
    let secret = example.secret.replace(BLANK, FILLED);
    (serde_json::from_str(&secret).unwrap(), example.body)
}

impl Example {
    fn source(&self) -> SourceSecret {
        let secret = self.secret.replace(BLANK, FILLED);
        SourceSecret::parse(&secret.into()).unwrap_or_else(|error| panic!("{}: {error}", self.page))
    }

    /// The member `change` of each of the `changes` in the output of `campaign-sync source test
    /// --json`.
    fn made(&self) -> Vec<Value> {
        let secret = self.source();
        let body = Body {
            form: &Form::of(&self.headers).unwrap(),
            text: &auth::content(&secret.auth, &self.body),
            headers: &self.headers,
        };
        let sender = secret.sender(SourceName::parse("test").unwrap());
        let now: Timestamp = "2026-11-24T17:00:00Z".parse().unwrap();
        let taken = webhook::take_apart(&secret, &sender, &body, now);
        let reading = taken
            .unwrap_or_else(|faults| panic!("{}: {faults:?}", self.page))
            .reading;
        let faults = reading.faulty.iter().flat_map(|(_, faults)| faults);
        let faults: Vec<_> = faults.map(ToString::to_string).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", self.page);
        let changes = reading.changes.iter();
        let changes = changes.map(|made| serde_json::from_str(&made.change.body()).unwrap());
        changes.collect()
    }
}

#[test]
fn every_example_body_becomes_the_changes_that_its_page_shows() {
    for example in all() {
        assert_eq!(
            example.made(),
            example.changes,
            "{}: {}",
            example.page,
            example.body
        );
    }
}

#[test]
fn every_page_has_an_example_and_every_preset_is_in_one() {
    let pages = pages();
    assert!(pages.len() >= 8, "only {} pages are there", pages.len());
    let index = std::fs::read_to_string(docs().join("crm.md")).unwrap();
    for (page, text) in &pages {
        assert!(!examples(page, text).is_empty(), "{page}: no example");
        assert!(
            index.contains(&format!("(crm/{page})")),
            "{page}: not in docs/crm.md"
        );
    }
    let mappings = all()
        .into_iter()
        .filter_map(|example| example.source().mapping);
    let shown: BTreeSet<String> = mappings.map(|mapping| mapping.name().to_owned()).collect();
    for preset in PRESETS {
        assert!(shown.contains(preset), "{preset}: no page shows it");
    }
}

/// A secret copied from a page lets nobody in, since the page is public.
#[test]
fn a_secret_copied_from_a_page_lets_nobody_in() {
    for example in all() {
        assert!(example.secret.contains(BLANK), "{}", example.page);
        let copied = SourceSecret::parse(&example.secret.clone().into());
        assert!(copied.is_err(), "{}: {}", example.page, example.secret);
    }
}
