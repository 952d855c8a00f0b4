//! The names that the repository cites exist: each page of docs/ and its sections, the target of
//! each link of a Markdown page, and each test that the design names. The runbook has every reason
//! of parking, and the contract every preset of authentication.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::batch::ParkReason;
use io::secrets::{Auth, Scheme, SourceSecret};
use serde_json::{Value, json};

/// The text files of the repository by their paths.
fn files() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name());
            if name == "target" || (name.as_encoded_bytes().starts_with(b".") && name != ".ci") {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                files.insert(path.strip_prefix(root).unwrap().to_owned(), text);
            }
        }
    }
    files
}

fn is_markdown(path: &Path) -> bool {
    path.extension() == Some("md".as_ref())
}

/// The lines of a Markdown page outside of code blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

fn headings(page: &str) -> impl Iterator<Item = String> {
    let titles = prose(page).filter(|line| line.starts_with('#'));
    titles.map(|line| line.trim_start_matches('#').trim().replace('`', ""))
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}

/// The pages that a text cites, each with the text behind it. A citation may continue on the next
/// line of a comment or a string.
fn citations(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(|line| {
        let line = line.trim().trim_end_matches('\\');
        line.trim_start_matches(['/', '!', '#'])
    });
    let text = lines.collect::<Vec<_>>().join(" ").replace("\\\"", "\"");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cited = text.split("docs/").skip(1).filter_map(|rest| {
        let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/".contains(c);
        let (name, rest) = rest.split_at(rest.find(|c| !is_of_name(c))?);
        let rest = rest.strip_prefix(".md")?;
        Some((format!("docs/{name}.md"), rest.to_owned()))
    });
    cited.collect()
}

#[test]
fn every_page_and_section_that_is_cited_exists() {
    let files = files();
    let (mut sections, mut missing) = (0, Vec::new());
    for (path, text) in &files {
        let is_template = path == Path::new("template.yaml");
        for (page, rest) in citations(text) {
            let Some(cited) = files.get(Path::new(&page)) else {
                missing.push(format!("{}: {page}", path.display()));
                continue;
            };
            // Most texts write `page.md "Section"`; descriptions of alarms write `page.md,
            // section.`
            let quoted = rest
                .strip_prefix(" \"")
                .and_then(|rest| rest.split_once('"'));
            let of_alarm = rest
                .strip_prefix(", ")
                .and_then(|rest| rest.split_once('.'));
            let Some((section, _)) = quoted.or(of_alarm.filter(|_| is_template)) else {
                continue;
            };
            sections += 1;
            if !headings(cited).any(|heading| heading == section) {
                missing.push(format!("{}: {page} {section:?}", path.display()));
            }
        }
    }
    assert!(sections > 90, "only {sections} sections are cited");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The file that a page links to by a relative path.
fn linked(page: &Path, to: &str) -> PathBuf {
    let (mut folder, mut to) = (page.parent().unwrap(), to);
    while let Some(rest) = to.strip_prefix("../") {
        (folder, to) = (folder.parent().unwrap(), rest);
    }
    folder.join(to)
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let files = files();
    let (mut links, mut missing) = (0, Vec::new());
    for (path, page) in files.iter().filter(|(path, _)| is_markdown(path)) {
        let page: String = prose(page).collect::<Vec<_>>().join(" ");
        for link in page
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.starts_with("http") {
                continue;
            }
            links += 1;
            let (to, section) = link.split_once('#').unwrap_or((link, ""));
            let to = match to {
                "" => path.clone(),
                to => linked(path, to),
            };
            let leads = files.get(&to).is_some_and(|page| {
                section.is_empty() || headings(page).any(|heading| anchor(&heading) == section)
            });
            if !leads {
                missing.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(links > 100, "only {links} links are there");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_test_that_the_design_names_exists() {
    let files = files();
    let design = &files[Path::new("docs/design.md")];
    let names: Vec<_> = design
        .split('`')
        .filter(|code| code.contains("::") && !code.contains(char::is_whitespace))
        .collect();
    assert!(names.len() > 35, "only {} tests are named", names.len());
    let missing = names.iter().filter(|name| {
        let (module, test) = name.rsplit_once("::").unwrap();
        let file = format!("tests/it/{}.rs", module.replace("::", "/"));
        let code = files.get(Path::new(&file));
        code.is_none_or(|code| !code.contains(&format!("fn {test}(")))
    });
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_reason_of_parking_is_documented() {
    let files = files();
    let page = |name: &str| &files[Path::new(name)];
    for reason in ParkReason::ALL.map(ParkReason::as_str) {
        for table in ["docs/contract.md", "docs/operate.md"] {
            let row = format!("\n| `{reason}` | ");
            assert!(page(table).contains(&row), "{table}: {reason}");
        }
        let runbook = page("docs/runbook.md");
        assert!(
            headings(runbook).any(|heading| heading == reason),
            "{reason}"
        );
    }
}

/// The scheme of an `auth` member.
fn scheme(auth: &Value) -> Scheme {
    let secret = json!({ "auth": auth }).to_string();
    match SourceSecret::parse(&secret.into()).map(|secret| secret.auth) {
        Ok(Auth::Signature(signature)) => signature.scheme,
        other => panic!("{auth}: {other:?}"),
    }
}

#[test]
fn every_auth_preset_means_what_the_contract_says() {
    let files = files();
    let contract = &files[Path::new("docs/contract.md")];
    let rows = contract.lines().filter_map(|line| {
        let (name, members) = line.strip_prefix("| `")?.split_once("` | `{")?;
        let members = members.strip_suffix("` |")?;
        Some((name, format!("{{{members}")))
    });
    let secret = json!(["MDEyMzQ1Njc4OWFiY2RlZg=="]);
    let mut told = Vec::new();
    for (name, members) in rows.filter(|(_, members)| members.contains("\"algorithm\"")) {
        let mut members: Value = serde_json::from_str(&members).unwrap();
        let mut preset = json!({ "preset": name });
        if members["signed"].as_str().unwrap().contains("{url}") {
            members["url"] = json!("https://hooks.example.com/webhooks/crm");
            preset["url"] = members["url"].clone();
        }
        members["secrets"] = secret.clone();
        preset["secrets"] = secret.clone();
        assert_eq!(
            scheme(&preset),
            scheme(&json!({ "signature": members })),
            "{name}"
        );
        told.push(name);
    }
    // The error for an unknown preset names all presets and the custom way.
    let unknown = json!({ "auth": { "preset": "x" } }).to_string();
    let expected = SourceSecret::parse(&unknown.into())
        .unwrap_err()
        .to_string();
    let names = expected
        .split("one of ")
        .nth(1)
        .unwrap()
        .replace(" and ", ", ");
    let mut known: Vec<_> = names
        .split(", ")
        .filter(|name| *name != "standardWebhooks")
        .collect();
    known.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, known);
}
