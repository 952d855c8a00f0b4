//! Tests of which contact is itself the reason for a refusal, and of when no contact can be
//! created. The limits are in [`super`], and docs/design.md "Failure table" has the rules.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn key(key: &str) -> ContactKey {
    ContactKey::parse(key).unwrap()
}

impl CreateHealth {
    fn refuses(&mut self, name: &str, second: i64) -> CreateRefusal {
        self.refused(&key(name), at(second))
    }

    fn creates(&mut self, name: &str, second: i64) {
        self.created(&key(name), at(second));
    }

    /// The name of the contact that probes, or for how many seconds none may.
    fn probes<'a>(&mut self, names: &[&'a str], second: i64) -> Result<&'a str, u64> {
        let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
        let keys: Vec<_> = keys.iter().collect();
        let probe = self.probe(&keys, at(second), 0.0);
        probe
            .map(|place| names[place])
            .map_err(|wait| wait.as_secs())
    }
}

const ALL: CreateRefusal = CreateRefusal::All { is_told: false };
const TOLD: CreateRefusal = CreateRefusal::All { is_told: true };

fn held() -> CreateHealth {
    let mut creates = CreateHealth::default();
    assert_eq!(creates.refuses("a", 0), CreateRefusal::Unknown);
    assert_eq!(creates.refuses("a", 0), CreateRefusal::Unknown, "the same");
    assert_eq!(creates.refuses("b", 0), CreateRefusal::Unknown);
    assert!(!creates.are_held());
    assert_eq!(creates.refuses("c", 0), ALL, "it may be a chance yet");
    assert!(creates.are_held());
    creates
}

#[test]
fn after_three_refused_creates_one_probes_with_growing_waits() {
    let mut creates = held();
    assert_eq!(creates.probes(&["d", "e"], 5), Err(10));
    for (second, next) in [
        (15, 30),
        (45, 60),
        (105, 120),
        (225, 240),
        (465, 300),
        (765, 300),
    ] {
        let name = format!("new-{second}");
        assert_eq!(creates.probes(&[&name], second), Ok(name.as_str()));
        assert_eq!(
            creates.probes(&["other"], second),
            Err(next),
            "one is under way"
        );
        let told = creates.refuses(&name, second);
        let expected = if second == 45 || second == 105 {
            ALL
        } else {
            TOLD
        };
        assert_eq!(told, expected, "at {second}");
    }
    creates.creates("e", 1_100);
    assert!(!creates.are_held());
}

#[test]
fn a_contact_never_refused_probes_first() {
    let mut creates = held();
    assert_eq!(creates.probes(&["d"], 5), Err(10));
    assert_eq!(creates.probes(&["a", "b"], 15), Err(0), "d waits for it");
    assert_eq!(creates.probes(&["a", "d"], 16), Ok("d"));
    let mut creates = held();
    assert_eq!(
        creates.probes(&["a", "b"], 15),
        Ok("a"),
        "nobody else waits"
    );
    let mut creates = held();
    assert_eq!(creates.probes(&["d"], 5), Err(10));
    assert_eq!(creates.probes(&["b"], 15 + 120), Ok("b"), "d does not come");
}

#[test]
fn a_contact_refused_repeatedly_while_others_are_created_does_not_hold_others() {
    let mut creates = CreateHealth::default();
    for (second, fault) in [
        (0, CreateRefusal::Unknown),
        (30, CreateRefusal::Unknown),
        (90, CreateRefusal::Own),
    ] {
        for name in ["a", "b"] {
            assert_eq!(creates.refuses(name, second), fault, "at {second}");
        }
        assert!(!creates.are_held());
        creates.creates(&format!("other-{second}"), second + 20);
    }
    assert_eq!(
        creates.refuses("a", 91),
        CreateRefusal::Own,
        "what is tried then"
    );
    creates.creates("a", 92);
    assert_eq!(
        creates.refuses("b", 93),
        CreateRefusal::Own,
        "less of a was taken"
    );
    // Contacts that were refused before do not count with those that are new.
    for name in ["c", "d"] {
        assert_eq!(creates.refuses(name, 95), CreateRefusal::Unknown);
    }
}

#[test]
fn a_create_after_a_refusal_blames_the_list() {
    let mut creates = held();
    for round in 0..9 {
        let second = 100 + 600 * round;
        // A new contact is created, and somebody makes room for one that was refused.
        creates.creates(&format!("new-{round}"), second);
        for name in ["a", "b", "c"] {
            let fault = creates.refuses(name, second + 60);
            assert_ne!(fault, CreateRefusal::Own, "{name} in round {round}");
        }
        creates.creates("c", second + 120);
    }
}

#[test]
fn a_create_of_a_held_contact_proves_nothing() {
    let mut creates = held();
    assert!(creates.probes(&["held-1", "held-2"], 5).is_err());
    creates.creates("held-1", 16);
    assert_eq!(creates.refuses("a", 30), CreateRefusal::Unknown);
    creates.creates("new-1", 40);
    creates.creates("held-2", 41);
    assert_eq!(creates.refuses("a", 60), CreateRefusal::Unknown);
    creates.creates("new-2", 80);
    assert_eq!(
        creates.refuses("a", 100),
        CreateRefusal::Own,
        "a hold clears nobody"
    );
}

#[test]
fn a_create_right_after_a_refusal_proves_nothing() {
    let mut creates = CreateHealth::default();
    for name in ["a", "b"] {
        assert_eq!(creates.refuses(name, 0), CreateRefusal::Unknown);
    }
    creates.creates("in-time", 1);
    assert_eq!(creates.refuses("c", 1), ALL);
}

#[test]
fn a_thousand_contacts_are_remembered_and_no_more() {
    let mut creates = CreateHealth::default();
    for n in 0..2 * MOST + 1 {
        creates.refuses(&format!("refused-{n}"), 0);
        let _ = creates.probes(&[&format!("held-{n}")], 1);
    }
    assert!(creates.suspects.len() <= MOST && creates.waited.len() <= MOST);
}
