//! To which campaigns of its source a change goes (docs/contract.md "Secrets").

use std::collections::BTreeMap;

use domain::Change;
use domain::change::{CampaignId, IfAbsent};

/// The change for each campaign that it goes to. `told`: the values of the field that tells the campaigns
/// of the person; none: the sender does not tell it now.
///
/// An opt-out goes to all: it creates nobody where the person is not known to be. What changed of somebody,
/// wherever they are, goes to all too, and creates nobody.
///
/// # Errors
/// The change creates somebody, and nobody tells where.
pub(super) fn routed(
    change: &Change,
    told: Option<&[String]>,
    campaigns: &BTreeMap<String, CampaignId>,
) -> Result<Vec<Change>, &'static str> {
    let opts_out = change.operation.opts_out();
    if told.is_none() && change.if_absent == IfAbsent::Create && !opts_out {
        return Err(
            "expected the campaigns of whoever is to be created, or ifAbsent skip: the field that tells them is not there",
        );
    }
    let of_campaign = |(value, campaign): (&String, &CampaignId)| {
        let if_absent = match told {
            Some(told) if told.contains(value) => change.if_absent,
            _ if opts_out => IfAbsent::SkipOptOut,
            None => IfAbsent::Skip,
            Some(_) => return None,
        };
        Some(Change {
            campaign: campaign.clone(),
            if_absent,
            ..change.clone()
        })
    };
    Ok(campaigns.iter().filter_map(of_campaign).collect())
}

#[cfg(test)]
mod tests {
    use domain::change::{OrgId, Sender, SourceName};
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

    /// Campaign and `ifAbsent` of each.
    fn routes(said: Value, told: Option<&[&str]>) -> Result<Vec<(String, IfAbsent)>, &'static str> {
        let campaigns = ["autumn", "spring"].map(|name| {
            let campaign = CampaignId::parse(&format!("c-{name}")).unwrap();
            (name.to_owned(), campaign)
        });
        let told: Option<Vec<_>> =
            told.map(|told| told.iter().map(|value| (*value).to_owned()).collect());
        let routed = routed(&change(said), told.as_deref(), &campaigns.into())?;
        let shown = |change: &Change| (change.campaign.as_str().to_owned(), change.if_absent);
        Ok(routed.iter().map(shown).collect())
    }

    #[test]
    fn an_opt_out_goes_to_all_and_whoever_is_created_only_where_they_are() {
        use IfAbsent::{Create, Skip, SkipOptOut};
        let full = || json!({ "data": {} });
        let partial = || json!({ "data": {}, "ifAbsent": "skip" });
        let opt_out = || json!({ "data": {}, "callable": false });
        let to = |all: &[(&str, IfAbsent)]| {
            let owned = |(campaign, it): &(&str, IfAbsent)| (format!("c-{campaign}"), *it);
            Ok(all.iter().map(owned).collect::<Vec<_>>())
        };
        let spring: Option<&[&str]> = Some(&["spring", "elsewhere"]);
        assert_eq!(routes(full(), spring), to(&[("spring", Create)]));
        assert_eq!(routes(partial(), spring), to(&[("spring", Skip)]));
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
        assert_eq!(routes(full(), Some(&["elsewhere"])), to(&[]));
        assert!(routes(full(), None).is_err());
    }
}
