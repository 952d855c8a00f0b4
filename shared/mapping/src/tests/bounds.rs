//! Tests of the bounds: how large a program may be, how deeply its input may nest, and how long it
//! may run. Constructs that are refused whatever their size are in `refusals`.

use super::*;

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
        // Either the program is refused, or it is small enough to run. Neither overflows the stack
        // of a thread.
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
            .contains("its parts are nested too deep")
    );
    // Brackets in comments and texts do not count.
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

/// Programs that walk over a list.
const LONG: [&str; 35] = [
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
];

#[test]
fn long_lists_do_not_deepen_the_stack() {
    let items = |item: &str| format!("[{}]", vec![item; 20_000].join(","));
    let bodies = [
        items("1"),
        items("\"a\""),
        items("{\"key\":\"a\",\"value\":1}"),
    ];
    // These programs compare each element with each other one, which takes long.
    let quadratic = [
        "contains", "inside", "index", "rindex", "indices", "join", "has", "nth",
    ];
    let mut programs: Vec<String> = LONG.map(str::to_owned).to_vec();
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
