use super::*;
#[test]
#[ignore]
fn probe() {
    let n: usize = std::env::var("N").unwrap().parse().unwrap();
    let k: usize = std::env::var("K").unwrap().parse().unwrap();
    let program = match k {
        0 => format!("{}1", "- ".repeat(n)),
        1 => format!("{}.", ". | ".repeat(n)),
        2 => format!("{}.", ". , ".repeat(n)),
        3 => format!("{}.", ". // ".repeat(n)),
        4 => format!("{}.", ". + ".repeat(n)),
        5 => format!("{}.", ". as $x | ".repeat(n)),
        6 => format!("{}.", ".a |= ".repeat(n)),
        7 => format!("{}.", "try ".repeat(n)),
        8 => format!("{} . {}", "if . then ".repeat(n), "end ".repeat(n)),
        9 => format!("if . then . {} end", "elif . then . ".repeat(n)),
        10 => format!("{}.{}", "[".repeat(n), "]".repeat(n)),
        11 => format!("{}.{}", "\"\\(".repeat(n), ")\"".repeat(n)),
        12 => format!("{}.{}", "map(".repeat(n), ")".repeat(n)),
        13 => format!("{}.{}", "{a: ".repeat(n), "}".repeat(n)),
        14 => format!(".{}.{}", "[".repeat(n), "]".repeat(n)),
        15 => format!("{}.", ". * ".repeat(n)),
        16 => format!("{}.{}", "select(".repeat(n), ")".repeat(n)),
        17 => format!("{}.{}", "(".repeat(n), ") |= .".repeat(n)),
        18 => format!("{}.", ". as [$x] | ".repeat(n)),
        _ => panic!(),
    };
    match Mapping::parse(&json!({"jq": program}).to_string()) {
        Ok(mapping) => {
            let deep = format!("{}1{}", r#"{"a":"#.repeat(128), "}".repeat(128));
            println!(
                "run {:?}",
                mapping
                    .changes(&deep, &about(&BTreeMap::new()), 1)
                    .map(|c| c.len())
            );
        }
        Err(e) => println!("refused {e}"),
    }
}
