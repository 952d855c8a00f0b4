//! Checks a program before it is compiled.
//!
//! A mapping is written by an operator and runs in a function that all senders share. So no program
//! may loop without end, nest without bound, or read anything but its input. The checks refuse each
//! construct of jq that could: definitions, folds, jumps, formats, and every function that
//! [`crate::natives::FUNCTIONS`] does not list. [`depth`] measures the nesting; docs/mapping.md
//! tells users what is refused.

mod terms;

use std::collections::BTreeSet;

use jaq_core::load::lex::{Lexer, StrPart, Tok, Token};
use jaq_core::load::parse::{Parser, Term};

use crate::depth;
use crate::fault::InvalidMapping;
use crate::natives::Regexes;
use terms::TermWalk;

/// The longest program, in bytes.
const LONGEST: usize = 32 * 1024;
/// The most tokens (words and signs) of a program.
const MOST_TOKENS: usize = 4000;

/// The error for a program whose operators or branches nest too deep.
const TOO_DEEP: &str = "its parts are nested too deep: split the program, or write it shorter";

/// Words that begin a loop, a jump or the import of a file.
const REFUSED: [&str; 8] = [
    "def", "reduce", "foreach", "label", "break", "import", "include", "module",
];

/// A program that has passed every check.
pub(crate) struct Checked<'s> {
    pub(crate) term: Term<&'s str>,
    /// The literal texts that the program may fail with.
    pub(crate) messages: BTreeSet<String>,
    /// The names that occur in the program.
    pub(crate) names: BTreeSet<String>,
    /// The compiled patterns of its calls of `test`.
    pub(crate) regexes: Regexes,
}

/// The line and the column of a part of a program, counted from 1.
pub(crate) fn place(code: &str, part: &str) -> Option<(usize, usize)> {
    let offset = (part.as_ptr() as usize).checked_sub(code.as_ptr() as usize)?;
    let before = code.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default();
    Some((line, column.chars().count() + 1))
}

/// Refuses a program, with the place of the part that is at fault.
pub(crate) fn refused(code: &str, part: &str, message: impl Into<String>) -> InvalidMapping {
    InvalidMapping {
        member: "jq".to_owned(),
        place: place(code, part),
        message: message.into(),
    }
}

/// Parses a program and refuses it if it could do harm.
pub(crate) fn check(code: &str) -> Result<Checked<'_>, InvalidMapping> {
    if code.len() > LONGEST {
        return Err(refused(code, code, format!("longer than {LONGEST} bytes")));
    }
    if let Some(part) = depth::too_many_brackets(code) {
        let most = depth::DEEPEST_BRACKETS;
        return Err(refused(code, part, format!("nested deeper than {most}")));
    }
    let tokens = Lexer::new(code).lex().map_err(|errors| {
        let (expected, part) = errors.into_iter().next().unzip();
        let expected = expected.map_or("another token", |expected| expected.as_str());
        refused(code, part.unwrap_or(code), format!("expected {expected}"))
    })?;
    let mut words = TokenWalk {
        code,
        left: MOST_TOKENS,
        names: BTreeSet::new(),
    };
    tokens.iter().try_for_each(|token| words.token(token))?;
    if depth::of(&tokens) > depth::DEEPEST {
        return Err(refused(code, code, TOO_DEEP));
    }
    let term = Parser::new(&tokens).parse(|parser| parser.term());
    let mut term = term.map_err(|errors| {
        let (expected, found) = errors.into_iter().next().unzip();
        let expected = expected.map_or("another word", |expected| expected.as_str());
        let part = Token::opt_as_str(found.flatten(), code);
        refused(code, part, format!("expected {expected}"))
    })?;
    let mut calls = TermWalk {
        code,
        last: code,
        messages: BTreeSet::new(),
        names: words.names,
        regexes: Regexes::new(),
    };
    calls.term(&mut term, depth::DEEPEST)?;
    Ok(Checked {
        term,
        messages: calls.messages,
        names: calls.names,
        regexes: calls.regexes,
    })
}

/// A walk over the tokens of a program, those in interpolated texts included.
struct TokenWalk<'s> {
    code: &'s str,
    left: usize,
    names: BTreeSet<String>,
}

impl<'s> TokenWalk<'s> {
    fn token(&mut self, Token(part, kind): &Token<&'s str>) -> Result<(), InvalidMapping> {
        let refuse = |message: String| Err(refused(self.code, part, message));
        let Some(left) = self.left.checked_sub(1) else {
            return refuse(format!("more than {MOST_TOKENS} words and signs"));
        };
        self.left = left;
        match kind {
            Tok::Word if REFUSED.contains(part) || part.contains("::") => {
                refuse(format!("`{part}` is not allowed"))
            }
            Tok::Fmt => refuse("formats such as @json are not allowed".to_owned()),
            Tok::Sym if matches!(*part, ".." | "*=") => refuse(format!("`{part}` is not allowed")),
            Tok::Word | Tok::Var | Tok::Sym => {
                let name = part.trim_start_matches(['.', '$']);
                self.names.insert(name.to_owned());
                Ok(())
            }
            Tok::Num => Ok(()),
            Tok::Str(parts) => parts.iter().try_for_each(|part| match part {
                StrPart::Term(token) => self.token(token),
                StrPart::Str(_) | StrPart::Char(_) => Ok(()),
            }),
            Tok::Block(tokens) => tokens.iter().try_for_each(|token| self.token(token)),
        }
    }
}
