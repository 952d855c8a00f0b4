//! Tests of the version column: its text, and what opt-ins and opt-outs make of the two registers.
//! The properties say what holds in any order of changes. docs/design.md "Who may be called"
//! explains the marks.

use proptest::prelude::*;

use super::*;
use crate::channel::Statuses;
use crate::contact::Columns;
use crate::contact::Contact;

fn rank(number: u64) -> Option<Rank> {
    Some(Rank::new(number).unwrap())
}

/// A contact as a person writes it: whether it may be called, and its version.
fn standing((callable, text): (bool, &str)) -> CallableState {
    let version = Version::from_text(text);
    assert_eq!(version.to_string(), text);
    let data = Columns::default();
    CallableState::of(Some(&Contact {
        data,
        callable,
        version,
        statuses: Statuses::default(),
    }))
}

/// A change: `in5` and `out5` say who may be called, `5` says nothing; without a number: no rank.
fn apply(standing: &mut CallableState, change: &str, raise: Raise) -> bool {
    let number = change.trim_start_matches(char::is_alphabetic);
    let says = match &change[..change.len() - number.len()] {
        "in" => Some(true),
        "out" => Some(false),
        _ => None,
    };
    let rank = (!number.is_empty()).then(|| Rank::from_text(number).unwrap());
    standing.apply(rank, says.map(Consent::from), Some(raise)) == CallableEffect::Kept
}

/// The contact after these changes; `kept` follows it if the last opt-in was kept out.
fn made(before: (bool, &str), changes: &str, raise: Raise) -> String {
    let (mut after, mut is_kept) = (standing(before), false);
    for change in changes.split_whitespace() {
        is_kept = apply(&mut after, change, raise);
    }
    let callable = if after.callable == Some(true) {
        "callable"
    } else {
        "not"
    };
    let kept = if is_kept { ", kept" } else { "" };
    format!("{callable} {}{kept}", after.version)
}

#[test]
fn a_text_of_a_version_round_trips_and_any_other_reads_as_no_version() {
    for (text, decision) in [
        ("", None),
        ("0", None),
        ("1764000000010", None),
        ("10:5-", Some((rank(5), Mark::Lowered))),
        ("10:10+", Some((rank(10), Mark::Raised))),
        ("10:12!", Some((rank(12), Mark::Found))),
        ("10:-", Some((None, Mark::Lowered))),
        (":5+", Some((rank(5), Mark::Raised))),
        (":!", Some((None, Mark::Found))),
        (
            "9007199254740991:9007199254740991!",
            Some((Some(Rank::MAX), Mark::Found)),
        ),
    ] {
        let version = Version::from_text(text);
        assert_eq!(version.to_string(), text);
        assert!(text.len() <= Version::LONGEST);
        let read = version
            .decision
            .map(|decision| (decision.rank, decision.mark));
        assert_eq!(read, decision, "{text}");
    }
    for text in [
        "x",
        " 5",
        "05",
        "+5",
        "5:",
        "5:4",
        "5:4*",
        "5:04-",
        "5:4--",
        "5: 4-",
        "5:4-:3-",
        ":",
        "-",
        "5-",
        "5:+",
        ":+",
        "9007199254740992",
        "5:9007199254740992-",
        "5:4−",
        "5:-4-",
    ] {
        assert_eq!(Version::from_text(text), Version::default(), "{text}");
    }
}

/// The table of docs/design.md "Who may be called".
#[test]
fn the_raise_setting_decides_which_opt_ins_make_a_contact_callable() {
    use Raise::{Always, Never, Own};
    for (before, changes, raise, after) in [
        // Campaign-sync lowered the contact and raises it again; nothing older does.
        ((true, "10:10+"), "out12", Own, "not 12:12-"),
        ((false, "12:12-"), "in13", Own, "callable 13:13+"),
        ((false, "12:12-"), "in11", Own, "not 12:12-"),
        ((false, "12:12-"), "in12", Own, "not 12:12-"),
        ((false, "12:12-"), "13", Own, "not 13:12-"),
        // The dialler lowered the contact, and no opt-in raises it.
        ((false, "10:10+"), "in13", Own, "not 13:13+, kept"),
        ((false, "10:10+"), "in10", Own, "not 10:10+, kept"),
        ((false, "10:10+"), "in9", Own, "not 10:10+"),
        ((false, "10"), "in13", Own, "not 13:13+, kept"),
        ((false, "10"), "in10", Own, "not 10, kept"),
        ((false, "10"), "in9", Own, "not 10"),
        ((false, ""), "in0", Own, "not 0:0+, kept"),
        ((false, "10:10+"), "in", Own, "not 10:10+, kept"),
        // It stays lowered when the CRM pauses and resumes the contact.
        ((false, "10:10+"), "out12 in13", Own, "not 13:13+, kept"),
        ((false, "10"), "out12", Own, "not 12:12!"),
        ((false, "12:12!"), "in13", Own, "not 13:13+, kept"),
        ((false, "12:12!"), "out14 in15 out16", Own, "not 16:16!"),
        ((false, "10"), "out", Own, "not 10:10!"),
        // The stored rank is as new or newer.
        ((false, "10"), "out9", Own, "not 10"),
        ((false, "10"), "out10", Own, "not 10"),
        // A late opt-out that ranks above the last decision lowers, whatever the columns' rank.
        ((true, "10:4+"), "out5", Own, "not 10:5-"),
        ((true, "10:4+"), "out4", Own, "not 10:4-"),
        ((true, "10:4+"), "out3", Own, "callable 10:4+"),
        ((true, "10"), "out5", Own, "not 10:5-"),
        ((false, "10:5-"), "out8", Own, "not 10:8-"),
        ((false, "10:5-"), "in8", Own, "callable 10:8+"),
        ((false, "10:8-"), "in7", Own, "not 10:8-"),
        ((true, "10"), "in8", Own, "callable 10:8+"),
        // A change without a rank comes after all that is known, but makes nothing stale.
        ((true, "10:4+"), "out", Own, "not 10:10-"),
        ((false, "10:5-"), "in", Own, "callable 10:5!"),
        ((true, "10:5!"), "out4", Own, "not 10:5-"),
        ((true, ""), "out", Own, "not :-"),
        ((false, ":-"), "in", Own, "callable :!"),
        ((false, ":!"), "in", Own, "not :!, kept"),
        // A person raised a contact that campaign-sync had lowered. If it is lowered after that,
        // somebody else did it.
        ((true, "10:5-"), "11", Own, "callable 11:5!"),
        ((true, "10:5-"), "out5", Own, "not 10:5-"),
        ((true, "10:5-"), "in5", Own, "callable 10:5!"),
        ((false, "10:10+"), "in13", Always, "callable 13:13+"),
        ((false, "10:10+"), "in10", Always, "not 10:10+"),
        ((false, "10"), "in10", Always, "not 10"),
        ((false, "10"), "in11", Always, "callable 11:11+"),
        ((false, "10"), "in", Always, "callable 10"),
        ((false, "12:12!"), "in12", Always, "not 12:12!"),
        ((false, "12:12!"), "in13", Always, "callable 13:13+"),
        ((false, "12:12-"), "in13", Never, "not 13:12-, kept"),
        ((false, "12:12-"), "in11", Never, "not 12:12-"),
        ((false, "10:10+"), "in13", Never, "not 13:13+, kept"),
        ((true, "10:10+"), "in13", Never, "callable 13:13+"),
        ((false, "10:5-"), "in", Never, "not 10:5-, kept"),
    ] {
        assert_eq!(
            made(before, changes, raise),
            after,
            "{before:?}, {changes}, {raise:?}"
        );
    }
}

#[test]
fn a_created_contact_is_callable_unless_the_changes_opt_it_out() {
    for raise in [Raise::Own, Raise::Always, Raise::Never] {
        for (change, callable, version) in [
            ("5", true, "5"),
            ("in5", true, "5:5+"),
            ("out5", false, "5:5-"),
            ("in", true, ""),
            ("out", false, ":-"),
        ] {
            let mut new = CallableState::of(None);
            assert!(!apply(&mut new, change, raise));
            assert_eq!(
                (new.callable, new.version.to_string()),
                (Some(callable), version.to_owned())
            );
        }
    }
}

fn ranks() -> impl Strategy<Value = Option<Rank>> {
    prop::option::of((0u64..8).prop_map(|number| Rank::new(number).unwrap()))
}

fn versions() -> impl Strategy<Value = Version> {
    let mark = prop::sample::select(vec![Mark::Raised, Mark::Lowered, Mark::Found]);
    let decision = (ranks(), mark).prop_map(|(rank, mark)| Decision { rank, mark }.known());
    (ranks(), prop::option::of(decision)).prop_map(|(rank, decision)| Version {
        rank,
        decision: decision.flatten(),
    })
}

fn standings() -> impl Strategy<Value = CallableState> {
    (prop::option::weighted(0.8, any::<bool>()), versions()).prop_map(|(callable, version)| {
        let of = |callable| Contact {
            data: Columns::default(),
            callable,
            version,
            statuses: Statuses::default(),
        };
        CallableState::of(callable.map(of).as_ref())
    })
}

fn said() -> impl Strategy<Value = (Option<Rank>, Option<bool>)> {
    ((0u64..8).prop_map(Rank::new), any::<Option<bool>>())
}

fn raises() -> impl Strategy<Value = Raise> {
    prop::sample::select(vec![Raise::Own, Raise::Always, Raise::Never])
}

fn after(
    mut standing: CallableState,
    said: &[(Option<Rank>, Option<bool>)],
    raise: Raise,
) -> CallableState {
    for (rank, says) in said {
        standing.apply(*rank, says.map(Consent::from), Some(raise));
    }
    standing
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_version_is_read_back(version in versions()) {
        prop_assert_eq!(Version::from_text(&version.to_string()), version);
    }

    /// Both registers are commutative and associative. If a contact is not callable and has no
    /// mark, nobody knows when that was decided: under `own` it stays so in any order. Under
    /// `always` it does not matter who lowered it.
    #[test]
    fn ranked_changes_may_come_in_any_order(
        before in standings(), mut said in prop::collection::vec(said(), 1..5), turn in 0usize..5,
        raise in prop::sample::select(vec![Raise::Own, Raise::Always])
    ) {
        let in_order = after(before, &said, raise);
        let len = said.len();
        said.rotate_left(turn % len);
        let turned = after(before, &said, raise);
        said.reverse();
        let decided = |standing: CallableState| {
            let decision = standing.version.decision;
            let decision = decision.map(|decision| (decision.rank, decision.mark == Mark::Raised));
            (standing.callable, standing.version.rank, decision)
        };
        for other in [turned, after(before, &said, raise)] {
            match raise {
                _ if before.callable == Some(false) && before.version.decision.is_none() => {
                    let is_kept = raise != Raise::Own || other.callable == Some(false);
                    prop_assert!(is_kept && other.version.rank == in_order.version.rank);
                }
                Raise::Own => prop_assert_eq!(other, in_order),
                _ => prop_assert_eq!(decided(other), decided(in_order)),
            }
        }
    }

    /// Each change is idempotent, alone and behind others.
    #[test]
    fn ranked_changes_that_come_again_change_nothing(
        before in standings(), said in prop::collection::vec(said(), 1..5), raise in raises()
    ) {
        let once = after(before, &said, raise);
        prop_assert_eq!(after(once, &said, raise), once);
        for one in &said {
            prop_assert_eq!(after(once, &[*one], raise), once);
        }
    }

    #[test]
    fn neither_register_goes_down(
        before in standings(), rank in ranks(), says in any::<Option<bool>>(), raise in raises()
    ) {
        let after = after(before, &[(rank, says)], raise);
        let decided = |standing: CallableState| standing.version.decision.and_then(|decision| decision.rank);
        prop_assert!(after.version.rank >= before.version.rank && decided(after) >= decided(before));
    }

    /// The promise: a contact that is in the campaign and is made callable was lowered by
    /// campaign-sync alone, and a newer opt-in asks for it.
    #[test]
    fn own_raises_only_what_campaign_sync_lowered(before in standings(), rank in ranks(), says in any::<Option<bool>>()) {
        let after = after(before, &[(rank, says)], Raise::Own);
        if before.callable == Some(false) && after.callable == Some(true) {
            let stood = before.version.decision.unwrap();
            prop_assert_eq!((stood.mark, says), (Mark::Lowered, Some(true)));
            prop_assert!(rank.is_none() || rank > stood.rank);
        }
    }

    /// If somebody else lowered the contact, that stays known until a person makes it callable.
    #[test]
    fn a_contact_that_somebody_else_lowered_is_never_raised_or_marked_as_our_own(
        before in standings(), said in prop::collection::vec((ranks(), any::<Option<bool>>()), 0..5),
        raise in prop::sample::select(vec![Raise::Own, Raise::Never])
    ) {
        let mut before = CallableState { callable: Some(false), ..before };
        if let Some(decision) = &mut before.version.decision && decision.mark == Mark::Lowered {
            decision.mark = Mark::Found;
        }
        let after = after(before, &said, raise);
        prop_assert_eq!(after.callable, Some(false));
        prop_assert_ne!(after.version.decision.map(|decision| decision.mark), Some(Mark::Lowered));
    }
}
