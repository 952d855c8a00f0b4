//! The template of what is signed, such as `{timestamp}.{body}`.
//!
//! Words in braces are places, which are filled from the request. Everything else is taken
//! literally.

/// A place in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The request's method.
    Method,
    /// The URL that the sender was given, from the source's secret.
    Url,
    /// The raw bytes of the body.
    Body,
    /// The time, in the form in which the request shows it.
    Timestamp,
    /// The id, in the form in which the request shows it.
    Id,
    /// The secret itself.
    Secret,
}

impl Part {
    fn of(name: &str) -> Option<Part> {
        Some(match name {
            "method" => Part::Method,
            "url" => Part::Url,
            "body" => Part::Body,
            "timestamp" => Part::Timestamp,
            "id" => Part::Id,
            "secret" => Part::Secret,
            _ => return None,
        })
    }
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A literal text.
    Text(String),
    /// A place to fill.
    Part(Part),
}

/// A template that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub(super) fn parse(text: &str) -> Result<Template, &'static str> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            push(&mut pieces, before)?;
            let (name, after) = after.split_once('}').ok_or(UNKNOWN)?;
            let part = Piece::Part(Part::of(name).ok_or(UNKNOWN)?);
            if pieces.contains(&part) {
                return Err("each place once");
            }
            pieces.push(part);
            rest = after;
        }
        push(&mut pieces, rest)?;
        let template = Template(pieces);
        if !template.has(Part::Body) {
            return Err("{body} in it: a body that is not signed can be forged");
        }
        if template.has(Part::Id) && !template.is_id_apart() {
            return Err(
                "a delimiter such as . between {id} and its neighbours: otherwise a part of one can pass as \
                 part of the other",
            );
        }
        Ok(template)
    }

    /// Whether the template has this place.
    pub fn has(&self, part: Part) -> bool {
        self.0.contains(&Piece::Part(part))
    }

    /// The pieces in order.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.0.iter()
    }

    /// The characters next to the id. An id must not contain one of them: it would not be clear
    /// where the id ends.
    pub fn beside_id(&self) -> impl Iterator<Item = char> {
        let (before, after) = self.around_id();
        let text = |piece: Option<&Piece>| match piece {
            Some(Piece::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let (before, after) = (text(before), text(after));
        before
            .chars()
            .last()
            .into_iter()
            .chain(after.chars().next())
    }

    fn around_id(&self) -> (Option<&Piece>, Option<&Piece>) {
        let id = |piece: &Piece| *piece == Piece::Part(Part::Id);
        let place = self.0.iter().position(id).unwrap_or(self.0.len());
        let before = place.checked_sub(1).and_then(|place| self.0.get(place));
        (before, self.0.get(place + 1))
    }

    fn is_id_apart(&self) -> bool {
        let (before, after) = self.around_id();
        let is_place = |piece: Option<&Piece>| matches!(piece, Some(Piece::Part(_)));
        !is_place(before) && !is_place(after)
    }
}

const UNKNOWN: &str =
    "a text with places, each one of {method}, {url}, {body}, {timestamp}, {id} and {secret}";

fn push(pieces: &mut Vec<Piece>, text: &str) -> Result<(), &'static str> {
    if text.contains(['{', '}']) {
        return Err(UNKNOWN);
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}
