//! A row must say clearly who may be called, and nothing is guessed from a column's name. Values of
//! other columns are tested in [`super`]; docs/send.md "What the columns mean" has the rules.

use super::*;

#[test]
fn an_opt_out_is_never_taken_for_anything_else() {
    let said = |text: &str, flags: &str| {
        let row = rows(text, Format::Csv, flags).remove(0);
        row.map(|row| row["callable"].as_bool())
    };
    for (value, callable) in [
        ("false", false),
        ("False", false),
        ("0", false),
        ("no", false),
        ("NO", false),
        ("true", true),
        ("TRUE", true),
        ("1", true),
        ("yes", true),
    ] {
        for column in ["callable", "ContactCallable"] {
            let text = format!("contactKey,{column}\na,{value}\n");
            assert_eq!(
                said(&text, &format!("--callable {column}")),
                Ok(Some(callable)),
                "{value}"
            );
        }
        let text = format!("contactKey,DoNotCall\na,{value}\n");
        let flags = "--not-callable DoNotCall";
        assert_eq!(said(&text, flags), Ok(Some(!callable)), "{value}");
    }
    assert_eq!(
        said("contactKey,callable\na,\n", ""),
        Ok(None),
        "left as it is"
    );
    for value in ["f", "opted out", " false", "2", "1.5", "-", "n", "y", "on"] {
        for (column, flags) in [("callable", ""), ("DoNotCall", "--not-callable DoNotCall")] {
            let text = format!("contactKey,{column}\na,{value}\n");
            let told = said(&text, flags).unwrap_err();
            assert_eq!(
                told,
                format!("line 2: {column}: expected true or false, 1 or 0, yes or no"),
                "{value}"
            );
        }
    }
    let silent = said("contactKey,DoNotCall\na,\n", "--not-callable DoNotCall");
    assert!(silent.is_err(), "nothing is no permission: {silent:?}");
}

#[test]
fn a_column_that_may_say_who_may_be_called_is_asked_about() {
    let nearly = [
        "Callable",
        "CALLABLE",
        "call able",
        "call_able",
        "calable",
        "callabel",
        "Callble",
        "is_callable",
        "callables",
        "ContactCallable",
    ];
    let opposite = [
        "DoNotCall",
        "Do_Not_Call",
        "do not call",
        "donotphone",
        "HasOptedOutOfEmail",
        "HasOptedOutOfFax",
        "opt_out",
        "optOut",
        "unsubscribed",
        "Unsubscribe",
        "NotCallable",
        "uncallable",
        "DNC",
        "dnc_flag",
        "Suppressed",
        "donotcal",
        "hs_email_optout",
    ];
    let flags = [
        (&nearly[..], "--callable"),
        (&opposite[..], "--not-callable"),
        (&["Operatoin"], "--operation"),
    ];
    for (names, flag) in flags {
        for name in names {
            for others in ["", "--column phone"] {
                let text = format!("contactKey,{name},phone\na,false,1\n");
                let told = whole_fault(&text, Format::Csv, others);
                assert!(
                    told.starts_with(&format!("column {name:?}: pass {flag} {name:?}")),
                    "{told}"
                );
            }
            // Each flag that the message offers is accepted.
            for way in [
                format!("{flag}={name}"),
                format!("--ignore={name}"),
                format!("--column={name}"),
            ] {
                let text = format!("contactKey,{}\na,\n", name);
                let mut mapping = Flags::parse_from(["send", &way]).mapping;
                mapping.clear_empty = false;
                assert!(
                    mapping
                        .meanings(&["contactKey".to_owned(), (*name).to_owned()])
                        .is_ok(),
                    "{way}: {text}"
                );
            }
        }
    }
    for name in [
        "called",
        "phone",
        "crmVersion",
        "available",
        "billable",
        "Operator",
        "notOptedOut",
        "neverUnsubscribed",
        "option",
        "output",
    ] {
        let file = file(
            &format!("contactKey,{name}\na,false\n"),
            Format::Csv,
            "",
            None,
        );
        assert!(file.rows().is_ok(), "{name}");
    }
    // Once a flag names the column, other columns are not asked about.
    for flags in [
        "--callable MayCall",
        "--callable callable",
        "--not-callable DoNotCall --ignore callable",
    ] {
        let text = "contactKey,callable,MayCall,is_callable,DoNotCall\na,false,false,false,true\n";
        assert!(
            file(text, Format::Csv, flags, None).rows().is_ok(),
            "{flags}"
        );
    }
    let inverse = whole_fault(
        "contactKey,DoNotCall\n",
        Format::Csv,
        "--callable DoNotCall",
    );
    assert!(
        inverse.starts_with("--callable: column \"DoNotCall\" says the opposite"),
        "{inverse}"
    );
    let both = whole_fault(
        "contactKey,callable,Stop\n",
        Format::Csv,
        "--not-callable Stop",
    );
    assert!(
        both.starts_with("column \"callable\": --not-callable already says"),
        "{both}"
    );
}
