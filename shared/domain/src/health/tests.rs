//! Tests of the circuit breakers of campaigns, orgs and hosts: when one opens, who probes, and what
//! ends it. Creates are in `creates/tests.rs`, and rests beside their code in `rests.rs`.

use super::Prober::Drawn;
use super::Silence::{Hung, Lost};
use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn org(name: &str) -> OrgId {
    OrgId::parse(name).unwrap()
}

#[test]
fn an_unknown_service_gets_one_probe_and_opens_for_a_minute_once_it_answers() {
    let mut breaker = Breaker::default();
    assert_eq!(breaker.may(at(0)), May::Probe);
    breaker.answered(at(5));
    assert_eq!(breaker.may(at(5)), May::All);
    assert_eq!(breaker.may(at(64)), May::All);
    assert_eq!(
        breaker.may(at(65)),
        May::Probe,
        "a minute later nobody knows"
    );
}

#[test]
fn a_healthy_service_is_ill_after_three_unanswered_calls_and_an_unknown_one_after_one() {
    let mut well = Breaker::default();
    well.answered(at(0));
    assert!(!well.unanswered(at(1), Hung) && !well.unanswered(at(2), Hung));
    assert_eq!(well.may(at(2)), May::All);
    well.answered(at(3));
    assert!(
        !well.unanswered(at(4), Hung) && !well.unanswered(at(5), Hung),
        "an answer came in between"
    );
    assert!(well.unanswered(at(6), Hung));
    assert_eq!(well.may(at(6)), May::NotBefore(at(21)));
    assert!(!well.unanswered(at(6), Hung), "it is told once");

    let mut lost = Breaker::default();
    assert!(
        !lost.unanswered(at(0), Lost) && !lost.unanswered(at(0), Lost),
        "it held nobody"
    );
    assert!(lost.unanswered(at(0), Lost));

    let mut unknown = Breaker::default();
    assert!(unknown.unanswered(at(0), Hung));
    assert_eq!(unknown.may(at(14)), May::NotBefore(at(15)));
    assert_eq!(unknown.may(at(15)), May::Probe);
}

#[test]
fn the_waits_between_probes_double_up_to_five_minutes_and_one_answer_ends_them() {
    let mut breaker = Breaker::default();
    let mut now = 0;
    for wait in [15, 30, 60, 120, 240, 300, 300] {
        breaker.unanswered(at(now), Hung);
        assert_eq!(breaker.may(at(now)), May::NotBefore(at(now + wait)));
        breaker.unanswered(at(now + 1), Hung);
        let same = May::NotBefore(at(now + wait));
        assert_eq!(
            breaker.may(at(now + 1)),
            same,
            "it was under way beside the first"
        );
        now += wait;
        assert_eq!(breaker.may(at(now)), May::Probe);
    }
    breaker.answered(at(now));
    assert_eq!(breaker.may(at(now)), May::All);
    assert!(breaker.unanswered(at(now + 61), Hung));
    assert_eq!(
        breaker.may(at(now + 61)),
        May::NotBefore(at(now + 76)),
        "it begins anew"
    );
}

#[test]
fn an_answered_read_does_not_let_writes_hang_again() {
    let mut campaign = CampaignHealth::default();
    campaign.answered(at(0), false);
    for _ in 0..3 {
        campaign.unanswered(at(1), true, Hung);
    }
    assert_eq!(campaign.may(at(1)), May::NotBefore(at(16)));
    campaign.answered(at(16), false);
    assert_eq!(
        campaign.may(at(16)),
        May::Probe,
        "one contact is read and written"
    );
    campaign.unanswered(at(20), true, Hung);
    assert_eq!(
        campaign.may(at(21)),
        May::NotBefore(at(50)),
        "the wait doubles"
    );
    campaign.answered(at(50), false);
    campaign.answered(at(51), true);
    assert_eq!(campaign.may(at(51)), May::All);
}

#[test]
fn a_host_is_ill_when_three_of_its_orgs_are_silent_and_none_is_answered() {
    let mut host = HostHealth::default();
    for _ in 0..9 {
        assert!(
            !host.unanswered(&org("one"), at(0), false, Hung),
            "it may be that org's own trouble"
        );
    }
    assert!(!host.unanswered(&org("two"), at(1), false, Hung));
    let begin =
        |host: &mut HostHealth, name, second| host.begin(&org(name), true, at(second), Drawn);
    assert_eq!(begin(&mut host, "one", 1), May::All);
    host.answered(at(2), false);
    assert!(
        !host.unanswered(&org("three"), at(3), false, Hung),
        "another one was answered"
    );
    host.unanswered(&org("one"), at(4), false, Hung);
    assert!(host.unanswered(&org("two"), at(5), false, Hung));
    assert_eq!(begin(&mut host, "one", 6), May::NotBefore(at(20)));
    assert_eq!(
        begin(&mut host, "four", 6),
        May::All,
        "it was answered before, and may be well"
    );
    let meet =
        |host: &mut HostHealth, name, second| host.begin(&org(name), false, at(second), Drawn);
    assert_eq!(meet(&mut host, "five", 6), May::InTurn(at(7)));
    assert_eq!(meet(&mut host, "five", 7), May::Probe, "it may be well too");
    assert_eq!(
        meet(&mut host, "six", 8),
        May::InTurn(at(22)),
        "one of them at a time"
    );
    host.unanswered(&org("five"), at(12), false, Hung);
    assert_eq!(meet(&mut host, "six", 12), May::InTurn(at(16)));
    assert_eq!(meet(&mut host, "six", 16), May::Probe);
    assert_eq!(meet(&mut host, "five", 16), May::NotBefore(at(20)));
    assert_eq!(begin(&mut host, "two", 20), May::Probe);
    assert_eq!(
        begin(&mut host, "one", 20),
        May::NotBefore(at(35)),
        "one org probes for all"
    );
    host.answered(at(22), false);
    assert_eq!(begin(&mut host, "one", 22), May::All);
}

#[test]
fn an_answered_read_does_not_let_the_writes_of_all_others_hang() {
    let mut host = HostHealth::default();
    for name in ["one", "two"] {
        host.unanswered(&org(name), at(0), true, Hung);
        host.answered(at(1), false);
    }
    assert!(host.is_ill());
    let may = |host: &HostHealth, name, known| host.may(&org(name), known, at(2));
    assert_eq!(may(&host, "one", true), May::NotBefore(at(15)));
    assert_eq!(may(&host, "four", true), May::All, "it may be well");
    assert_eq!(host.begin(&org("five"), false, at(2), Drawn), May::Probe);
    assert_eq!(may(&host, "six", false), May::InTurn(at(17)));
    host.answered(at(2), true);
    assert_eq!(may(&host, "one", true), May::All);
    assert_eq!(may(&host, "six", false), May::All);
}

#[test]
fn a_copy_that_is_not_drawn_leaves_the_probe_to_others_for_a_while() {
    let mut campaign = CampaignHealth::default();
    campaign.unanswered(at(0), false, Hung);
    assert_eq!(
        campaign.begin(at(15), Prober::None),
        May::Probe,
        "it may be over"
    );
    campaign.unanswered(at(20), false, Hung);
    let mut begin = |second, prober| campaign.begin(at(second), prober);
    assert_eq!(begin(49, Drawn), May::NotBefore(at(50)));
    assert_eq!(begin(50, Prober::None), May::InTurn(at(65)));
    assert_eq!(begin(64, Drawn), May::InTurn(at(65)));
    let mut of_opt_out = campaign.clone();
    assert_eq!(of_opt_out.begin(at(51), Prober::OptOut), May::Probe);
    let mut begin = |second, prober| campaign.begin(at(second), prober);
    assert_eq!(begin(65, Drawn), May::Probe);
    assert_eq!(begin(66, Drawn), May::NotBefore(at(80)), "one is under way");
    let may_go_on = campaign.may_go_on(at(66), false);
    assert_eq!(may_go_on, May::Probe, "its own call is let through");
    campaign.unanswered(at(70), false, Lost);
    assert_eq!(
        campaign.begin(at(129), Prober::None),
        May::NotBefore(at(130))
    );
    assert_eq!(
        campaign.begin(at(130), Prober::None),
        May::Probe,
        "that holds nobody"
    );
}

#[test]
fn the_waits_between_a_hosts_probes_double_too() {
    let mut host = HostHealth::default();
    for name in ["one", "two", "three"] {
        host.unanswered(&org(name), at(0), false, Hung);
    }
    let begin = |host: &mut HostHealth, second| host.begin(&org("one"), true, at(second), Drawn);
    assert_eq!(begin(&mut host, 15), May::Probe);
    host.unanswered(&org("one"), at(20), false, Hung);
    assert_eq!(begin(&mut host, 21), May::NotBefore(at(50)));
}

#[test]
fn the_more_orgs_are_silent_the_less_often_a_new_one_is_tried() {
    let mut host = HostHealth::default();
    for n in 0..30 {
        host.unanswered(&org(&format!("org-{n}")), at(0), false, Hung);
    }
    let next = host.begin(&org("newer"), false, at(1), Drawn);
    assert_eq!(next, May::InTurn(at(56)), "28 times as long as at first");
}
