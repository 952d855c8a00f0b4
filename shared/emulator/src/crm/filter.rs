//! Reads and evaluates the conditions of SOQL and of the Web API's `$filter`. It knows only
//! conditions that `and` joins. `salesforce` and `dataverse` parse the rest of a query.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

/// A token of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    /// A quoted text.
    Text(String),
    /// A comparison sign such as `=` or `>=`.
    Sign(String),
    Comma,
}

/// How a language escapes a quote inside a text.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Quotes {
    /// As `\'`, in SOQL.
    Escaped,
    /// As `''`, in the Web API of Dataverse.
    Doubled,
}

/// The value that a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Time(Timestamp),
    Number(f64),
    Bool(bool),
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A field, a comparison, and the value to compare with.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) operator: Operator,
    pub(super) literal: Literal,
}

/// Splits a query into tokens.
pub(super) fn tokens(text: &str, quotes: Quotes) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&c) = rest.peek() {
        match c {
            ' ' | '\t' | '\n' => _ = rest.next(),
            ',' => {
                rest.next();
                tokens.push(Token::Comma);
            }
            '\'' => {
                rest.next();
                tokens.push(Token::Text(quoted(&mut rest, quotes)?));
            }
            '=' | '<' | '>' | '!' => {
                let mut sign = String::new();
                while let Some(c) = rest.next_if(|c| "=<>!".contains(*c)) {
                    sign.push(c);
                }
                tokens.push(Token::Sign(sign));
            }
            c if is_part(c) => {
                let mut word = String::new();
                while let Some(c) = rest.next_if(|c| is_part(*c)) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            c => return Err(format!("unexpected character '{c}'")),
        }
    }
    Ok(tokens)
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.:+-".contains(c)
}

fn quoted(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    quotes: Quotes,
) -> Result<String, String> {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match (c, quotes) {
            ('\\', Quotes::Escaped) => match rest.next() {
                Some(c @ ('\'' | '\\' | '"')) => text.push(c),
                _ => return Err("unknown escape in a text".to_owned()),
            },
            ('\'', Quotes::Doubled) if rest.next_if_eq(&'\'').is_some() => text.push('\''),
            ('\'', _) => return Ok(text),
            (c, _) => text.push(c),
        }
    }
    Err("a text does not end".to_owned())
}

/// Reads conditions that `and` joins, up to the first token that belongs to no condition.
pub(super) fn conditions(tokens: &mut &[Token]) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    loop {
        let [field, operator, literal, rest @ ..] = tokens else {
            return Err("a condition is not whole".to_owned());
        };
        let Token::Word(field) = field else {
            return Err("a condition begins with a field".to_owned());
        };
        conditions.push(Condition {
            field: field.clone(),
            operator: self::operator(operator)?,
            literal: self::literal(literal)?,
        });
        *tokens = rest;
        match tokens {
            [word, rest @ ..] if is_word(word, "and") => *tokens = rest,
            _ => return Ok(conditions),
        }
    }
}

pub(super) fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(it) if it.eq_ignore_ascii_case(word))
}

fn operator(token: &Token) -> Result<Operator, String> {
    let (Token::Word(text) | Token::Sign(text)) = token else {
        return Err("an operator is missing".to_owned());
    };
    Ok(match text.as_str() {
        "=" | "eq" => Operator::Equal,
        "!=" | "<>" | "ne" => Operator::Unequal,
        ">" | "gt" => Operator::Greater,
        ">=" | "ge" => Operator::GreaterOrEqual,
        "<" | "lt" => Operator::Less,
        "<=" | "le" => Operator::LessOrEqual,
        other => return Err(format!("the operator {other} is not known")),
    })
}

fn literal(token: &Token) -> Result<Literal, String> {
    let word = match token {
        Token::Text(text) => return Ok(Literal::Text(text.clone())),
        Token::Word(word) => word,
        _ => return Err("a value is missing".to_owned()),
    };
    let is_id = word.len() == 36 && word.matches('-').count() == 4;
    Ok(match word.as_str() {
        "true" => Literal::Bool(true),
        "false" => Literal::Bool(false),
        "null" => Literal::Null,
        word if is_id => Literal::Text(word.to_owned()),
        word => match (time(word), word.parse()) {
            (Some(time), _) => Literal::Time(time),
            (None, Ok(number)) => Literal::Number(number),
            (None, Err(_)) => return Err(format!("{word} is no value")),
        },
    })
}

/// Parses a time as records and queries write it.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    text.contains('T').then(|| text.parse().ok()).flatten()
}

impl Condition {
    /// Whether a value meets the condition. It is an error if the two cannot be compared.
    pub(super) fn holds(&self, held: &Value) -> Result<bool, String> {
        let (operator, field) = (self.operator, &self.field);
        if self.literal == Literal::Null || held.is_null() {
            let are_equal = self.literal == Literal::Null && held.is_null();
            return Ok(match operator {
                Operator::Equal => are_equal,
                Operator::Unequal => !are_equal,
                _ => false,
            });
        }
        let order = match (&self.literal, held) {
            (Literal::Text(_), Value::String(held)) if time(held).is_some() => {
                return Err(format!(
                    "value of {field} must be of type dateTime and should not be enclosed in quotes"
                ));
            }
            (Literal::Text(text), Value::String(held)) => held.as_str().cmp(text),
            (Literal::Time(time), Value::String(held)) => match self::time(held) {
                Some(held) => held.cmp(time),
                None => return Err(format!("{field} is no time")),
            },
            (Literal::Bool(bool), Value::Bool(held)) => held.cmp(bool),
            (Literal::Number(number), Value::Number(held)) => {
                let held = held.as_f64().unwrap_or_default();
                held.total_cmp(number)
            }
            _ => return Err(format!("the value is not of the type of {field}")),
        };
        Ok(operator.takes(order))
    }
}

impl Operator {
    pub(super) fn takes(self, order: Ordering) -> bool {
        match self {
            Operator::Equal => order.is_eq(),
            Operator::Unequal => order.is_ne(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
        }
    }
}

/// The order of two values in a sorted result.
pub(super) fn order(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::String(one), Value::String(other)) => match (time(one), time(other)) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => one.cmp(other),
        },
        (Value::Number(one), Value::Number(other)) => {
            let of = |number: &serde_json::Number| number.as_f64().unwrap_or_default();
            of(one).total_cmp(&of(other))
        }
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        // Null sorts first.
        (one, other) => other.is_null().cmp(&one.is_null()),
    }
}
