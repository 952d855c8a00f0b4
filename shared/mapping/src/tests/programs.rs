//! What a program may not do, and what is said where it fails.

use super::*;

#[test]
fn what_could_harm_is_refused_with_its_place() {
    for (program, place, expected) in [
        ("def f: f; f", "line 1, column 1", "`def` is not allowed"),
        (
            ".a |\n  def f: 1; f",
            "line 2, column 3",
            "`def` is not allowed",
        ),
        (
            "\"\\(def f: f; f)\"",
            "line 1, column 4",
            "`def` is not allowed",
        ),
        (
            "[ ( \"é\\(\"\\(reduce .[] as $x (0; .))\")\" ) ]",
            "line 1, column 12",
            "`reduce` is not allowed",
        ),
        (
            "reduce .[] as $x (null; [.])",
            "line 1, column 1",
            "`reduce` is not allowed",
        ),
        (
            "foreach .[] as $x (null; [.])",
            "line 1, column 1",
            "`foreach` is not allowed",
        ),
        (
            "label $f | break $f",
            "line 1, column 1",
            "`label` is not allowed",
        ),
        (
            "import \"a\" as b; .",
            "line 1, column 1",
            "`import` is not allowed",
        ),
        (
            "include \"a\"; .",
            "line 1, column 1",
            "`include` is not allowed",
        ),
        ("..", "line 1, column 1", "`..` is not allowed"),
        (".a *= 2", "line 1, column 4", "`*=` is not allowed"),
        (
            ".a | @json",
            "line 1, column 6",
            "formats such as @json are not allowed",
        ),
        (
            "@sh \"\\(.)\"",
            "line 1, column 1",
            "formats such as @json are not allowed",
        ),
        (
            "{@json \"a\": 1}",
            "line 1, column 2",
            "formats such as @json are not allowed",
        ),
        ("a::b", "line 1, column 1", "`a::b` is not allowed"),
        ("$ENV", "line 1, column 1", "there is no variable `$ENV`"),
        (
            "$ENV.PATH",
            "line 1, column 1",
            "there is no variable `$ENV`",
        ),
        (
            "$__prog_args",
            "line 1, column 1",
            "there is no variable `$__prog_args`",
        ),
        (
            "$__loc__",
            "line 1, column 1",
            "there is no variable `$__loc__`",
        ),
        (
            ". as $x | $y",
            "line 1, column 11",
            "there is no variable `$y`",
        ),
        (
            "ascii",
            "line 1, column 1",
            "there is no function `ascii` of 0 arguments",
        ),
        (
            "select",
            "line 1, column 1",
            "there is no function `select` of 0 arguments",
        ),
        ("[.[] |", "line 1, column 7", "expected closing bracket"),
        (".a .", "line 1, column 5", "expected key"),
        ("if . then 1", "line 1, column 12", "expected else or end"),
        (
            "\"\\x\"",
            "line 1, column 3",
            "expected string escape sequence",
        ),
        ("§", "line 1, column 1", "expected token"),
        ("# nothing", "line 1, column 10", "expected term"),
        (
            "test(.x)",
            "line 1, column 1",
            "`test` takes a literal text",
        ),
        (
            "test(\"(\")",
            "line 1, column 1",
            "no regular expression, or one that is too large",
        ),
        (
            "test(\"((a{1000}){1000}){1000}\")",
            "line 1, column 1",
            "no regular expression, or one that is too large",
        ),
    ] {
        let refused = refused(&json!({"jq": program}));
        assert_eq!(
            refused,
            format!("mapping.jq, {place}: {expected}"),
            "{program}"
        );
    }
}

#[test]
fn functions_that_loop_or_know_more_do_not_exist() {
    for call in [
        "repeat(.)",
        "recurse",
        "recurse(.)",
        "recurse(.;.)",
        "while(.;.)",
        "until(.;.)",
        "range(1)",
        "range(1;2)",
        "range(1;2;3)",
        "combinations",
        "combinations(2)",
        "input",
        "inputs",
        "env",
        "halt",
        "halt_error",
        "halt(1)",
        "now",
        "debug",
        "debug(.)",
        "stderr",
        "input_line_number",
        "input_filename",
        "paths",
        "paths(.)",
        "getpath([])",
        "setpath([];1)",
        "delpaths([])",
        "path(.)",
        "path_value(.)",
        "pick(.a)",
        "walk(.)",
        "fromjson",
        "tojson",
        "tobytes",
        "explode",
        "implode",
        "sort",
        "sort_by(.)",
        "group_by(.)",
        "unique",
        "unique_by(.)",
        "bsearch(1)",
        "flatten",
        "flatten(1)",
        "transpose",
        "splits(\"a\")",
        "sub(\"a\";\"b\")",
        "gsub(\"a\";\"b\")",
        "match(\"a\")",
        "capture(\"a\")",
        "scan(\"a\")",
        "strptime(\"a\")",
        "mktime",
        "localtime",
        "todate",
        "fromdate",
        "error_empty",
        "key_values",
        "min_by_or_empty(.)",
        "first(.;.)",
        "program",
        "empty(1)",
        "in({})",
        "nan",
        "infinite",
        "get_search_list",
        "modulemeta",
        "limit(1)",
        "getpath",
        "ltrimstr",
        "getenv",
        "system",
        "test(\"a\";\"g\")",
        "escape_sh",
        "encode_uri",
    ] {
        let refused = refused(&json!({"jq": format!(".a | ({call})")}));
        assert!(
            refused.starts_with("mapping.jq, line 1, column 7: there is no function"),
            "{call}: {refused}"
        );
    }
}

#[test]
fn every_function_that_is_named_is_there() {
    for (name, counts) in natives::FUNCTIONS {
        for count in *counts {
            let argument = if *name == "test" { "\"a\"" } else { "." };
            let call = match count {
                0 => (*name).to_owned(),
                count => format!("{name}({})", vec![argument; *count].join("; ")),
            };
            assert!(
                Mapping::parse(&json!({"jq": call}).to_string()).is_ok(),
                "{call}"
            );
        }
    }
}

#[test]
fn a_program_is_bounded() {
    let nested =
        |open: &str, close: &str| format!("{}.{}", open.repeat(20_000), close.repeat(20_000));
    for program in [
        nested("(", ""),
        nested("[", ""),
        nested("\"\\(", ""),
        "[{(".repeat(10_000),
        format!("{}1", "-".repeat(3000)),
        format!("{}1", "- ".repeat(3000)),
        format!("{}.", ". | ".repeat(1900)),
        format!("{}.", ". , ".repeat(1900)),
        format!("{}.", ". // ".repeat(1900)),
        format!("{}.", ". + ".repeat(1900)),
        format!("{}.", ". * ".repeat(1900)),
        format!("{}.", ". == ".repeat(1900)),
        format!("{}.", ". and ".repeat(1900)),
        format!("{}.", ". as $x | ".repeat(790)),
        format!("{}.", ".a |= ".repeat(1900)),
        format!("{}.", "try ".repeat(3900)),
        format!("{}.", "if . then ".repeat(1300)),
        format!("{}.", "if ".repeat(3900)),
        format!("if . then . {} end", "elif . then . ".repeat(900)),
        ".a".repeat(3000) + " | " + &"[.]".repeat(10),
        ". ".repeat(5000),
        "x".repeat(40_000),
    ] {
        // Refused, or small enough to be run: neither overflows the stack of a thread.
        if let Ok(mapping) = Mapping::parse(&json!({"jq": program}).to_string()) {
            _ = mapping.changes("{}", &about(&BTreeMap::new()), 1);
        }
    }
    let long = json!({"jq": format!(".a{}", " ".repeat(40_000))});
    assert!(refused(&long).contains("longer than 32768 bytes"));
    assert!(refused(&json!({"jq": "(".repeat(50)})).contains("column 41: nested deeper than 40"));
    assert!(refused(&json!({"jq": ".a,".repeat(3000)})).contains("more than 4000 words and signs"));
    assert!(
        refused(&json!({"jq": format!("{}.", ". | ".repeat(300))}))
            .contains("its parts stand too deep")
    );
    // Brackets in comments and texts are none.
    assert!(
        Mapping::parse(
            &json!({"jq": format!("# {}\n\"{}\"", "(".repeat(99), "[".repeat(99))}).to_string()
        )
        .is_ok()
    );
}

#[test]
fn programs_at_the_bound_run() {
    for program in [
        format!("{}.", ". | ".repeat(148)),
        format!("{}.", ". + ".repeat(148)),
        format!("{}.", ". as $x | ".repeat(148)),
        format!("{}.", "try ".repeat(148)),
        format!("{}.", ".a |= ".repeat(148)),
        format!("{}.{}", "[".repeat(39), "]".repeat(39)),
        format!("{} . {}", "if . then ".repeat(140), "end ".repeat(140)),
    ] {
        let mapping = mapping(&json!({"jq": program}));
        let deep = format!("{}1{}", r#"{"a":"#.repeat(128), "}".repeat(128));
        _ = mapping.changes(&deep, &about(&BTreeMap::new()), 1);
    }
}

#[test]
fn deep_payloads_are_refused_before_they_are_read() {
    let config = json!({"jq": "{contactKey: \"k\", data: {x: (tostring | utf8bytelength)}}"});
    let mapping = mapping(&config);
    let headers = BTreeMap::new();
    for bracket in ["[", r#"{"a":"#] {
        let deep = bracket.repeat(100_000);
        assert_eq!(
            mapping.items(&deep).unwrap_err().to_string(),
            "jq: nested deeper than 128"
        );
        assert_eq!(
            mapping
                .changes(&deep, &about(&headers), 1)
                .unwrap_err()
                .code(),
            "tooDeep"
        );
    }
    let deepest = format!("{}{}", "[".repeat(128), "]".repeat(128));
    assert_eq!(
        changes(&config, &format!("{{\"a\":{}}}", &deepest[1..255])).len(),
        1
    );
    assert!(mapping.changes(&deepest, &about(&headers), 1).is_ok());
    assert!(
        mapping
            .changes(&format!("[{deepest}]"), &about(&headers), 1)
            .is_err()
    );
    let text = format!("[\"{}\"]", "[".repeat(1000));
    assert!(mapping.changes(&text, &about(&headers), 1).is_ok());
}

#[test]
fn a_failure_tells_only_what_the_program_says() {
    for (program, expected) in [
        (r#"error("DoNotCall is missing")"#, "DoNotCall is missing"),
        (r#"error("no \"name\"")"#, "no \"name\""),
        (
            "error(.secret)",
            "by what may hold a value, and so is not shown",
        ),
        (
            r#"error("it is \(.secret)")"#,
            "by what may hold a value, and so is not shown",
        ),
        (
            r#"error({a: "text", b: .secret})"#,
            "by what may hold a value, and so is not shown",
        ),
        (
            r#""text" | error"#,
            "by what may hold a value, and so is not shown",
        ),
        ("error", "by what may hold a value, and so is not shown"),
        (
            ".secret.a",
            "a value that is no object or list has no members",
        ),
        (
            ".secret[]",
            "a value is not of the type that a function needs",
        ),
        (
            ".secret | map(.)",
            "a value is not of the type that a function needs",
        ),
        (
            ".secret - 1",
            "values of these types cannot be calculated with",
        ),
        (
            "(.secret | tostring) |= 1",
            "what is assigned to is no path",
        ),
        (
            ".secret | tonumber",
            "tonumber: expected a number, or a text that is one",
        ),
    ] {
        let fault = fault(&json!({"jq": program}), r#"{"secret": "+13175550100"}"#);
        assert_eq!(
            fault,
            format!("jq: the program failed: {expected}"),
            "{program}"
        );
    }
}

#[test]
fn what_is_yielded_is_checked() {
    let body = r#"{"+13175550100": "+13175550101"}"#;
    for (program, expected) in [
        ("1", "at \"\": expected an object"),
        ("[]", "at \"\": expected an object"),
        ("null", "at \"\": expected an object"),
        ("{(1): 2}", "at \"\": expected names that are texts"),
        ("{data: 1}", "at \"/data\": expected an object"),
        ("{data: null}", "at \"/data\": expected an object"),
        (
            "{data: {(null): 2}}",
            "at \"/data\": expected names that are texts",
        ),
        (
            "{data: {phone: [1]}}",
            "at \"/data/phone\": expected a text, a number, a boolean or null",
        ),
        (
            "{data: {\"a/b\": [1]}}",
            "at \"/data/a~1b\": expected a text, a number, a boolean or null",
        ),
        (
            "{data: map_values([.])}",
            "at \"/data/*\": expected a text, a number, a boolean or null",
        ),
        (
            "{phones: {(keys[0]): {(1): 2}}}",
            "at \"/phones/*\": expected names that are texts",
        ),
        (
            "{campaigns: {}}",
            "at \"/campaigns\": expected a text, a number, a boolean or null",
        ),
        (
            "{campaignsBefore: [[]]}",
            "at \"/campaignsBefore\": expected a text, a number, a boolean or null",
        ),
        (
            "{version: (1 / 0)}",
            "at \"/version\": expected a finite number of at most 400 digits",
        ),
    ] {
        let fault = fault(&json!({"jq": program}), body);
        assert_eq!(
            fault,
            format!("jq: what the program yields, {expected}"),
            "{program}"
        );
    }
    let nested = format!("{{phones: {}1{}}}", "[".repeat(20), "]".repeat(20));
    assert!(fault(&json!({"jq": nested}), "{}").ends_with("expected what is not nested so deep"));
}

#[test]
fn an_item_becomes_as_many_changes_as_are_allowed() {
    let mapping = mapping(&json!({"jq": ".[] | {contactKey: ., data: {}}"}));
    let headers = BTreeMap::new();
    let run = |most| mapping.changes(r#"["a","b","c"]"#, &about(&headers), most);
    let ids: Vec<Value> = run(3)
        .unwrap()
        .iter()
        .map(|mapped| checked(mapped)["eventId"].clone())
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    assert_eq!(ids[0], checked(&run(3).unwrap()[0])["eventId"]);
    let fault = run(2).unwrap_err();
    assert_eq!(
        (fault.code(), fault.to_string().as_str()),
        ("tooMany", "jq: more than 2 changes from one item")
    );
    assert_eq!(run(0).unwrap_err().code(), "tooMany");
    assert_eq!(
        mapping.changes("[]", &about(&headers), 0).unwrap(),
        Vec::new()
    );
}

#[test]
fn an_event_id_that_is_said_is_kept() {
    let said = |program: &str| changes(&json!({"jq": program}), "{}")[0]["eventId"].clone();
    assert_eq!(
        said(r#"{contactKey: "k", data: {}, eventId: "e-1"}"#),
        json!("e-1")
    );
    let made = said(r#"{contactKey: "k", data: {}}"#);
    assert_eq!(made.as_str().unwrap().len(), "map-".len() + 40);
    // A null id is none that is said wrongly: the schema refuses it.
    let mapping = mapping(&json!({"jq": r#"{contactKey: "k", data: {}, eventId: .none}"#}));
    let mapped = mapping.changes("{}", &about(&BTreeMap::new()), 1).unwrap();
    assert!(mapped[0].text.contains(r#""eventId":null"#));
}

#[test]
fn versions_of_any_size_are_told_exactly() {
    let config = json!({"jq": "{contactKey: \"k\", data: {}, version: .v}"});
    let mapping = mapping(&config);
    for (version, expected) in [
        ("1764000000000", "1764000000000"),
        ("1.764e12", "1764000000000"),
        ("99999999999999999999999999", "99999999999999999999999999"),
        ("-1", "-1"),
        ("1.5", "1.5"),
    ] {
        let mapped = mapping
            .changes(&format!("{{\"v\":{version}}}"), &about(&BTreeMap::new()), 1)
            .unwrap();
        assert!(
            mapped[0].text.contains(&format!("\"version\":{expected},")),
            "{}",
            mapped[0].text
        );
    }
}

#[test]
fn long_lists_do_not_deepen_the_stack() {
    let items = |item: &str| format!("[{}]", vec![item; 20_000].join(","));
    let bodies = [
        items("1"),
        items("\"a\""),
        items("{\"key\":\"a\",\"value\":1}"),
    ];
    // These take each with each, which lasts.
    let quadratic = [
        "contains", "inside", "index", "rindex", "indices", "join", "has", "nth",
    ];
    let mut programs: Vec<String> = [
        ".[] |= [.]",
        ".[] += 1",
        ".[] //= 2",
        ".[] = 1",
        "(.[], .[]) |= [.]",
        "[.[] // 1]",
        "[.[]?]",
        "[.[] | try error catch .]",
        "del(.[])",
        "[.[] as $x | $x]",
        "[.[] as [$x] | $x]",
        "[limit(15000; .[])]",
        "[skip(15000; .[])]",
        "first(.[] | select(false))",
        "last(.[])",
        "[.[] | if . then 1 else 2 end]",
        "map(tostring) | add",
        "map({(tostring): .}) | add",
        "[.[], .[]]",
        ".[10:15000] |= []",
        "with_entries(.value |= [.])",
        "map_values(empty)",
        "any(. == 7)",
        "all(. != 7)",
        "[.[] and false]",
        "reverse | .[0] |= 5",
        "map([.]) | add",
        "nth(15000; .[])",
        "isempty(.[] | select(false))",
        "\"\\(.)\" | length",
        ". == (. + [1])",
        ". < (. + [1])",
        "[.[] | -1]",
        ". - [2]",
        "map(.key?) | join(\",\")",
    ]
    .map(str::to_owned)
    .to_vec();
    for (name, counts) in natives::FUNCTIONS
        .iter()
        .filter(|(name, _)| *name != "test" && !quadratic.contains(name))
    {
        for count in *counts {
            let arguments = ["", "(.[])", "(.[]; .)"][*count];
            programs.extend([
                format!("{name}{arguments}"),
                format!("map({name}{})", arguments.replace(".[]", ".")),
            ]);
        }
    }
    for program in programs {
        let mapping = mapping(
            &json!({"jq": format!("[{program}] | {{contactKey: \"k\", data: {{x: length}}}}")}),
        );
        for body in &bodies {
            let changes = mapping.changes(body, &about(&BTreeMap::new()), 1);
            assert!(!format!("{changes:?}").contains("panicked"), "{program}");
        }
    }
}
