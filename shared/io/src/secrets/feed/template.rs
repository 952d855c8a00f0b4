//! Texts with placeholders such as `{since}` and `{cursor}`, filled in for one page of a feed.
//!
//! A template does not know where its text is used: `request` and `body` say how values are
//! escaped. docs/contract.md "CRM feed" lists the placeholders.

use domain::change::CampaignId;
use jiff::Timestamp;

pub(super) const EXPECTED: &str = "only the placeholders {since}, {since:ms}, {since:s}, {since:date}, {cursor}, {cursor|default}, \
                                   {campaignId} and {campaign.NAME}; a brace before a letter is written {{";

/// The values of a request for a page.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The campaign whose contacts are asked for.
    pub campaign: &'a CampaignId,
    /// The feed lists contacts that changed at or after this time.
    pub since: Timestamp,
    /// The cursor that the page before gave. `None` asks for the first page.
    pub cursor: Option<&'a str>,
}

/// Why a request cannot be written. It holds no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The secret's `campaigns` have no text of this name for the campaign.
    #[error("the secret's campaigns: expected {0:?} of this campaign, which the request names")]
    Campaign(String),
    /// A value would lead to another address.
    #[error("request.url: expected values that are parts of its path")]
    Url,
    /// A value is not allowed in a header.
    #[error("request.headers: expected values without control characters")]
    Header,
    /// The cursor does not have the form that the secret's `next` gives.
    #[error("next: expected a cursor of the form that the secret's next gives")]
    Cursor,
}

#[derive(Clone)]
enum Piece {
    Text(String),
    Since(Unit),
    Cursor { at_first: String },
    CampaignId,
    Campaign(String),
}

#[derive(Clone, Copy)]
enum Unit {
    Rfc3339,
    Milliseconds,
    Seconds,
    Date,
}

/// A text with placeholders.
#[derive(Clone)]
pub(super) struct Template(Vec<Piece>);

/// The texts of a campaign, by name.
pub(super) trait Names {
    fn text(&self, campaign: &CampaignId, name: &str) -> Option<&str>;
}

impl Template {
    /// Reads a text. `None` means that a placeholder is unknown.
    pub(super) fn parse(text: &str) -> Option<Template> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            plain.push_str(before);
            rest = after;
            if let Some(escaped) = after.strip_prefix('{') {
                plain.push('{');
                rest = escaped;
            } else if after.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let (name, after) = after.split_once('}')?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(placeholder(name)?);
                rest = after;
            } else {
                plain.push('{');
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Some(Template(pieces))
    }

    /// The template `{cursor}`.
    pub(super) fn of_cursor() -> Template {
        let at_first = String::new();
        Template(vec![Piece::Cursor { at_first }])
    }

    /// Whether it is `{cursor}` and nothing else. A parameter or member that holds such a text is
    /// left out on the first page.
    pub(super) fn is_cursor(&self) -> bool {
        matches!(self.0.as_slice(), [Piece::Cursor { at_first }] if at_first.is_empty())
    }

    pub(super) fn has_cursor(&self) -> bool {
        let mut pieces = self.0.iter();
        pieces.any(|piece| matches!(piece, Piece::Cursor { .. }))
    }

    /// Whether it names the campaign.
    pub(super) fn has_campaign(&self) -> bool {
        let mut pieces = self.0.iter();
        pieces.any(|piece| matches!(piece, Piece::CampaignId | Piece::Campaign(_)))
    }

    /// The text before the first placeholder.
    pub(super) fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// The text with each placeholder replaced by its value, escaped.
    pub(super) fn filled(
        &self,
        asked: &Asked<'_>,
        names: &dyn Names,
        escaped: impl Fn(&str) -> String,
    ) -> Result<String, Unfit> {
        let mut text = String::new();
        for piece in &self.0 {
            let value = match piece {
                Piece::Text(plain) => {
                    text.push_str(plain);
                    continue;
                }
                Piece::Since(unit) => unit.written(asked.since),
                Piece::Cursor { at_first } => asked.cursor.unwrap_or(at_first).to_owned(),
                Piece::CampaignId => asked.campaign.as_str().to_owned(),
                Piece::Campaign(name) => {
                    let value = names.text(asked.campaign, name);
                    value
                        .ok_or_else(|| Unfit::Campaign(name.clone()))?
                        .to_owned()
                }
            };
            text.push_str(&escaped(&value));
        }
        Ok(text)
    }
}

fn placeholder(name: &str) -> Option<Piece> {
    Some(match name {
        "since" => Piece::Since(Unit::Rfc3339),
        "since:ms" => Piece::Since(Unit::Milliseconds),
        "since:s" => Piece::Since(Unit::Seconds),
        "since:date" => Piece::Since(Unit::Date),
        "campaignId" => Piece::CampaignId,
        "cursor" => Piece::Cursor {
            at_first: String::new(),
        },
        name => match (name.strip_prefix("cursor|"), name.strip_prefix("campaign.")) {
            (Some(at_first), _) if !at_first.is_empty() => Piece::Cursor {
                at_first: at_first.to_owned(),
            },
            (_, Some(name)) if is_name(name) => Piece::Campaign(name.to_owned()),
            _ => return None,
        },
    })
}

/// Whether a campaign's text may have this name.
pub(super) fn is_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(is_inner)
}

impl Unit {
    /// Writes a time. Units other than milliseconds leave out parts of a second, so the request
    /// asks from a little earlier.
    fn written(self, since: Timestamp) -> String {
        let seconds = since.as_millisecond().div_euclid(1_000);
        let whole = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        match self {
            Unit::Rfc3339 => whole.to_string(),
            Unit::Milliseconds => since.as_millisecond().to_string(),
            Unit::Seconds => seconds.to_string(),
            Unit::Date => whole.to_string().chars().take(10).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Spring;

    impl Names for Spring {
        fn text(&self, _: &CampaignId, name: &str) -> Option<&str> {
            (name == "name").then_some("spring")
        }
    }

    fn filled(text: &str, cursor: Option<&str>) -> Result<String, Unfit> {
        let campaign = CampaignId::parse("c1").unwrap();
        let asked = Asked {
            campaign: &campaign,
            since: "2026-11-24T15:00:00.75Z".parse().unwrap(),
            cursor,
        };
        let template = Template::parse(text).unwrap_or_else(|| panic!("{text}"));
        template.filled(&asked, &Spring, |value| format!("<{value}>"))
    }

    #[test]
    fn placeholders_are_filled_and_all_else_is_as_it_is_written() {
        for (text, expected) in [
            ("", ""),
            ("a {since} b", "a <2026-11-24T15:00:00Z> b"),
            ("{since:ms}{since:s}", "<1795532400750><1795532400>"),
            ("{since:date}", "<2026-11-24>"),
            ("{campaignId}/{campaign.name}", "<c1>/<spring>"),
            ("> {cursor|0}", "> <0>"),
            ("'{cursor}'", "'<>'"),
            ("{ contacts { id } }", "{ contacts { id } }"),
            (r#"{"a": {}}"#, r#"{"a": {}}"#),
            ("{{since} {{{since:date}", "{since} {<2026-11-24>"),
            ("}", "}"),
        ] {
            assert_eq!(filled(text, None).unwrap(), expected, "{text}");
        }
        assert_eq!(filled("> {cursor|0}", Some("7")).unwrap(), "> <7>");
        let unnamed = Unfit::Campaign("list".to_owned());
        assert_eq!(filled("{campaign.list}", None), Err(unnamed));
    }

    #[test]
    fn an_unknown_placeholder_is_invalid() {
        for text in [
            "{since:iso}",
            "{Since}",
            "{cursor|}",
            "{cursor|a",
            "{campaign.}",
            "{campaign.a.b}",
            "{campaign}",
            "{token}",
            "{id}",
        ] {
            assert!(Template::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_cursor_alone_is_left_out_on_the_first_page() {
        let is_cursor = |text| Template::parse(text).unwrap().is_cursor();
        assert!(is_cursor("{cursor}"));
        assert!(!is_cursor("{cursor|0}") && !is_cursor(" {cursor}") && !is_cursor(""));
    }
}
