//! Tests of programs that are refused before they run, each with the place and the reason. Programs
//! that run and fail are in `programs`. docs/mapping.md lists the functions that are allowed.

use super::*;

/// A harmful program, the place where it is refused, and why.
const HARMFUL: [(&str, &str, &str); 31] = [
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
        "not a regular expression, or one that is too large",
    ),
    (
        "test(\"((a{1000}){1000}){1000}\")",
        "line 1, column 1",
        "not a regular expression, or one that is too large",
    ),
];

#[test]
fn a_harmful_program_is_refused_with_its_place() {
    for (program, place, expected) in HARMFUL {
        let refused = refused(&json!({"jq": program}));
        assert_eq!(
            refused,
            format!("mapping.jq, {place}: {expected}"),
            "{program}"
        );
    }
}

/// Functions of jq that are not available. A `'` stands for a quotation mark.
const GONE: &str = "\
    repeat(.) recurse recurse(.) recurse(.;.) while(.;.) until(.;.) range(1) range(1;2) \
    range(1;2;3) combinations combinations(2) input inputs env halt halt_error halt(1) now debug \
    debug(.) stderr input_line_number input_filename paths paths(.) getpath([]) setpath([];1) \
    delpaths([]) path(.) path_value(.) pick(.a) walk(.) fromjson tojson tobytes explode implode \
    sort sort_by(.) group_by(.) unique unique_by(.) bsearch(1) flatten flatten(1) transpose \
    splits('a') sub('a';'b') gsub('a';'b') match('a') capture('a') scan('a') strptime('a') mktime \
    localtime todate fromdate error_empty key_values min_by_or_empty(.) first(.;.) program empty(1) \
    in({}) nan infinite get_search_list modulemeta limit(1) getpath ltrimstr getenv system \
    test('a';'g') escape_sh encode_uri \
";

#[test]
fn functions_that_loop_or_read_more_than_their_input_do_not_exist() {
    for call in GONE.split_whitespace() {
        let call = call.replace('\'', "\"");
        let refused = refused(&json!({"jq": format!(".a | ({call})")}));
        assert!(
            refused.starts_with("mapping.jq, line 1, column 7: there is no function"),
            "{call}: {refused}"
        );
    }
}

#[test]
fn every_listed_function_exists() {
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
