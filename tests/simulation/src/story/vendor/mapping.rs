//! The jq programs that turn a vendor's payload into changes, before and after somebody mends them.
//!
//! The items that they read are made up in `items`.

use super::{MENDED, PayloadForm, rank_member};
use crate::story::Org;

/// The program of a vendor's mapping, as it is or as it is mended.
pub(crate) fn program(org: &Org, form: PayloadForm, is_mended: bool) -> Option<String> {
    let rank = |path: &str| {
        let member = rank_member(org);
        member.map_or_else(String::new, |member| format!("{member}: .{path}, "))
    };
    let joined = "map_values(if isarray then join(\" \") else . end)";
    match (form, is_mended) {
        (PayloadForm::Mapped, false) => Some(format!(
            r#"{{ eventId: .id, campaignId: .list, contactKey: .who, {}ifAbsent: "skip" }} as $base
            | if .kind == "viewed" then empty
              elif .kind == "gone" then $base + {{ operation: "remove" }}
              elif .kind == "gone-and-merged" then ($base + {{ operation: "remove" }}), error("merged")
              elif .kind != "changed" then error("unknown kind")
              elif has("optOut") | not then error("no optOut")
              else $base + {{ data: .fields }} + (if .optOut == "unsaid" then {{}}
                elif .optOut | isboolean then {{ callable: (.optOut | not) }} else {{ callable: .optOut }} end)
              end"#,
            rank("at")
        )),
        (PayloadForm::Mapped, true) => Some(format!(
            r#"{{ eventId: (.id + "{MENDED}"), campaignId: .list, contactKey: .who, {}ifAbsent: "skip" }} as $base
            | if .kind == "viewed" then empty
              elif .kind | startswith("gone") then $base + {{ operation: "remove" }}
              else $base + {{ data: (.fields | {joined}) }} + (if .optOut == "unsaid" or .optOut == null then {{}}
                else {{ callable: (.optOut != true and .optOut != "yes") }} end)
              end"#,
            rank("at")
        )),
        (PayloadForm::Plain, false) => None,
        (PayloadForm::Plain, true) => {
            let rank = rank_member(org).map_or_else(String::new, rank);
            Some(format!(
                r#"{{ eventId: (.eventId + "{MENDED}"), campaignId, contactKey, {rank}ifAbsent: "skip" }} as $base
            | if .operation == "remove" then $base + {{ operation: "remove" }}
              else $base + {{ data: (.data | {joined}) }} + (if .callable == null then {{}}
                else {{ callable: (.callable == true or .callable == "yes") }} end)
              end"#
            ))
        }
    }
}
