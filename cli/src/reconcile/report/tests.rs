use domain::change::CampaignId;
use reconcile::LeftOut;
use stretches::Report as _;

use super::*;

#[test]
fn a_faulty_contact_of_an_earlier_stretch_is_listed_and_leaves_the_run_incomplete() {
    let mut report = Report::default();
    report.saw(Progress::Faulty {
        campaign: CampaignId::parse("c1").unwrap(),
        what: "contacts[3]: contactKey: expected text (wrongType)".to_owned(),
        group: None,
        has_opt_out: false,
    });
    let stretch = |left_out: LeftOut, why: Option<Why>| RunOutcome {
        answer: Answer {
            complete: why.is_none(),
            ..Answer::default()
        },
        why,
        left_out,
    };
    let faulty = LeftOut::from([(
        (CampaignId::parse("c").unwrap(), ParkReason::InvalidChange),
        1,
    )]);
    report.add(stretch(faulty, Some(Why::OutOfTime)));
    report.add(stretch(LeftOut::new(), None));
    assert!(!report.is_complete());
    let shown = report.table();
    assert!(
        shown.contains("\ncampaign c1: contacts[3]: contactKey: expected"),
        "{shown}"
    );
    assert!(
        shown.ends_with("Not complete: 1 of the feed's contacts break a rule and are left out: correct them in the CRM, or in the feed."),
        "{shown}"
    );
}

#[test]
fn a_dry_run_that_the_brake_would_stop_is_not_complete_for_a_script() {
    for (dry_run, why, is_complete) in [
        (true, None, true),
        (true, Some(Why::Faulty(1)), false),
        (false, None, true),
    ] {
        let mut report = Report::default();
        report.add(RunOutcome {
            answer: Answer {
                complete: true,
                dry_run,
                ..Answer::default()
            },
            why,
            left_out: LeftOut::new(),
        });
        assert_eq!(report.is_complete(), is_complete);
        let would_stop = "Complete. Without --dry-run the command would stop";
        assert_eq!(report.table().contains(would_stop), !is_complete);
    }
}
