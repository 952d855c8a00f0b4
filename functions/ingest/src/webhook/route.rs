//! Chooses the campaigns that a change goes to, for a source with several (docs/contract.md
//! "Secrets").
//!
//! Suppose a source whose field `list` names campaign A or B, and a person who moves from A to B.
//! The change goes to B, where it may create the contact, and A gets a `leave`.

use domain::Change;
use domain::change::{CampaignId, IfAbsent, Operation};
use io::secrets::CampaignNames;

/// The change for each campaign that it goes to. `told` holds the values of the field that names
/// the person's campaigns, and is `None` if the sender does not send that field now. `before` holds
/// the values that the field had before.
///
/// - An opt-out goes to every campaign. It creates a contact only where the person is known to be.
/// - A change without `told` goes to every campaign too, and creates no contact.
/// - A campaign that the person left gets a `leave`. It is one of `before`, or else any campaign
///   that is not in `told`.
///
/// # Errors
/// The change may create a contact and names no campaign, or a value is unknown to the source's
/// secret.
pub(super) fn routed(
    change: &Change,
    told: Option<&[String]>,
    before: Option<&[String]>,
    campaigns: &CampaignNames,
) -> Result<Vec<Change>, &'static str> {
    let opts_out = change.operation.opts_out();
    let is_opt_out = change.operation.callable() == Some(false);
    if told.is_none() && change.if_absent == IfAbsent::Create && !is_opt_out {
        return Err(
            "expected campaigns for the contact that may be created, or ifAbsent skip: the item does not have \
             the campaignField",
        );
    }
    const UNKNOWN: &str = "expected values that the source's secret lists in campaigns; \"*\": null there accepts any other value";
    let told = told
        .map(|told| campaigns.of(told).ok_or(UNKNOWN))
        .transpose()?;
    let before = before.map(|before| campaigns.of_known(before));
    let of_campaign = |campaign: &CampaignId| {
        let (if_absent, operation) = match &told {
            Some(told) if told.contains(campaign) => (change.if_absent, change.operation.clone()),
            None if opts_out => (IfAbsent::SkipOptOut, change.operation.clone()),
            None => (IfAbsent::Skip, change.operation.clone()),
            // The person is not in this campaign, so only the opt-out counts here.
            Some(_) if opts_out => (IfAbsent::SkipOptOut, change.operation.opt_out_alone()),
            Some(_)
                if before
                    .as_ref()
                    .is_none_or(|before| before.contains(campaign)) =>
            {
                (IfAbsent::SkipOptOut, Operation::Leave)
            }
            Some(_) => return None,
        };
        Some(Change {
            campaign: campaign.clone(),
            if_absent,
            operation,
            ..change.clone()
        })
    };
    Ok(campaigns
        .ids()
        .into_iter()
        .filter_map(of_campaign)
        .collect())
}

#[cfg(test)]
mod tests {
    use domain::change::{OrgId, Sender, SourceName};
    use io::secrets::SourceSecret;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn change(said: Value) -> Change {
        let mut body = json!({ "eventId": "e", "contactKey": "k" });
        body.as_object_mut()
            .unwrap()
            .extend(said.as_object().unwrap().clone());
        let sender = Sender {
            source: SourceName::parse("crm").unwrap(),
            org: Some(OrgId::parse("acme").unwrap()),
            campaign: Some(CampaignId::parse("any").unwrap()),
        };
        Change::parse_from(&sender, &body.to_string(), Timestamp::UNIX_EPOCH).unwrap()
    }

    fn campaigns(text: &str) -> CampaignNames {
        let secret = format!(
            r#"{{"auth": "bearer", "bearerTokens": ["a-token-of-16-bytes"], "campaigns": {text}, "mapping": {{"jq": "."}}}}"#
        );
        SourceSecret::parse(&secret.into()).unwrap().campaigns
    }

    /// Each campaign with its `ifAbsent`, or with `None` if the person leaves it.
    type Routes = Result<Vec<(String, Option<IfAbsent>)>, &'static str>;

    fn routes(said: Value, told: Option<&[&str]>) -> Routes {
        routes_from(said, told, None)
    }

    fn routes_from(said: Value, told: Option<&[&str]>, before: Option<&[&str]>) -> Routes {
        let campaigns = campaigns(
            r#"{ "autumn": "c-autumn", "spring": "c-spring", "fall": "c-autumn", "elsewhere": null }"#,
        );
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let [told, before]: [Option<Vec<_>>; 2] = [told, before].map(|values| values.map(owned));
        let routed = routed(
            &change(said),
            told.as_deref(),
            before.as_deref(),
            &campaigns,
        )?;
        let shown = |change: &Change| {
            let stays = change.operation != Operation::Leave;
            (
                change.campaign.as_str().to_owned(),
                stays.then_some(change.if_absent),
            )
        };
        Ok(routed.iter().map(shown).collect())
    }

    #[test]
    fn an_opt_out_goes_to_every_campaign_and_a_contact_is_created_only_in_its_own() {
        use IfAbsent::{Create, Skip, SkipOptOut};
        let full = || json!({ "data": {} });
        let partial = || json!({ "data": {}, "ifAbsent": "skip" });
        let opt_out = || json!({ "data": {}, "callable": false });
        let to = |all: &[(&str, IfAbsent)]| {
            let owned = |(campaign, it): &(&str, IfAbsent)| (format!("c-{campaign}"), Some(*it));
            Ok(all.iter().map(owned).collect::<Vec<_>>())
        };
        let spring: Option<&[&str]> = Some(&["spring", "elsewhere"]);
        let and_left = |routes: Routes, left: &[&str]| {
            let left = left.iter().map(|campaign| (format!("c-{campaign}"), None));
            routes.map(|routes| {
                let mut all: Vec<_> = routes.into_iter().chain(left).collect();
                all.sort_by(|a, b| a.0.cmp(&b.0));
                all
            })
        };
        let to_spring = |it| and_left(to(&[("spring", it)]), &["autumn"]);
        assert_eq!(routes(full(), spring), to_spring(Create));
        assert_eq!(routes(partial(), spring), to_spring(Skip));
        assert_eq!(
            routes_from(full(), spring, Some(&["spring"])),
            to(&[("spring", Create)])
        );
        assert_eq!(
            routes_from(full(), spring, Some(&["autumn"])),
            to_spring(Create)
        );
        assert_eq!(
            routes_from(full(), Some(&[]), Some(&["spring"])),
            and_left(to(&[]), &["spring"])
        );
        assert_eq!(
            routes(opt_out(), spring),
            to(&[("autumn", SkipOptOut), ("spring", Create)])
        );
        assert_eq!(
            routes(partial(), None),
            to(&[("autumn", Skip), ("spring", Skip)])
        );
        assert_eq!(
            routes(opt_out(), None),
            to(&[("autumn", SkipOptOut), ("spring", SkipOptOut)])
        );
        assert_eq!(
            routes(json!({ "operation": "remove" }), Some(&[])),
            to(&[("autumn", SkipOptOut), ("spring", SkipOptOut)])
        );
        let nowhere = routes(full(), Some(&["elsewhere"]));
        assert_eq!(nowhere, and_left(to(&[]), &["autumn", "spring"]));
        assert!(routes(full(), None).is_err());
        assert!(routes(full(), Some(&["sprign"])).is_err(), "misspelt");
        assert_eq!(
            routes(full(), Some(&["fall", "autumn"])),
            and_left(to(&[("autumn", Create)]), &["spring"]),
            "two values of one campaign"
        );
        let quiet = || json!({ "data": { "phone": "1" }, "callable": true, "contactable": { "Sms": false } });
        assert!(routes(quiet(), None).is_err(), "it would create somebody");
        assert_eq!(
            routes(quiet(), spring),
            to(&[("autumn", SkipOptOut), ("spring", Create)])
        );
    }

    #[test]
    fn a_campaign_without_the_person_gets_only_the_opt_out() {
        let said =
            json!({ "data": { "phone": "1" }, "callable": true, "contactable": { "Sms": false } });
        let campaigns = campaigns(r#"{ "autumn": "autumn", "spring": "spring" }"#);
        let told = ["spring".to_owned()];
        let routed = routed(&change(said), Some(&told), None, &campaigns).unwrap();
        let autumn: Value = serde_json::from_str(&routed[0].body()).unwrap();
        assert_eq!(
            (
                &autumn["data"],
                autumn.get("callable"),
                &autumn["contactable"]
            ),
            (&json!({}), None, &json!({ "Sms": false }))
        );
    }
}
