//! Checks a program before it is compiled.
//!
//! A mapping is written by an operator and runs in a function that all senders share. So no program
//! may loop without end, nest without bound, or read anything but its input. The checks refuse each
//! construct of jq that could: definitions, folds, jumps, formats, and every function that
//! [`natives::FUNCTIONS`] does not list. [`depth`] measures the nesting; `docs/mapping.md` lists
//! for users what is refused.

use std::collections::BTreeSet;

use jaq_core::load::lex::{Lexer, StrPart, Tok, Token};
use jaq_core::load::parse::{BinaryOp, Parser, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::Part;

use crate::depth;
use crate::fault::Refused;
use crate::natives::{self, Regexes};

/// The longest program, in bytes.
const LONGEST: usize = 32 * 1024;
/// The most tokens (words and signs) of a program.
const MOST_TOKENS: usize = 4000;

/// The error for a program whose operators or branches nest too deep.
const TOO_DEEP: &str =
    "its parts stand too deep in each other: split the mapping, or write it shorter";

/// Words that begin a loop, a jump or the import of a file.
const REFUSED: [&str; 8] = [
    "def", "reduce", "foreach", "label", "break", "import", "include", "module",
];

/// A program that has passed every check.
pub(crate) struct Checked<'s> {
    pub(crate) term: Term<&'s str>,
    /// The literal texts that the program may fail with.
    pub(crate) messages: BTreeSet<String>,
    /// The names that stand in the program.
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
pub(crate) fn refused(code: &str, part: &str, message: impl Into<String>) -> Refused {
    Refused {
        member: "jq".to_owned(),
        place: place(code, part),
        message: message.into(),
    }
}

/// Parses a program and refuses it if it could do harm.
pub(crate) fn check(code: &str) -> Result<Checked<'_>, Refused> {
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
    fn token(&mut self, Token(part, kind): &Token<&'s str>) -> Result<(), Refused> {
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

/// A walk over the syntax tree of a program.
struct TermWalk<'s> {
    code: &'s str,
    /// The part that the walk met last. A term without a place of its own is reported here.
    last: &'s str,
    messages: BTreeSet<String>,
    names: BTreeSet<String>,
    regexes: Regexes,
}

impl<'s> TermWalk<'s> {
    fn refuse<T>(&self, message: impl Into<String>) -> Result<T, Refused> {
        Err(refused(self.code, self.last, message))
    }

    fn term(&mut self, term: &mut Term<&'s str>, depth: usize) -> Result<(), Refused> {
        let Some(depth) = depth.checked_sub(1) else {
            return self.refuse(TOO_DEEP);
        };
        if let Some(text) = literal(term) {
            self.names.insert(text);
        }
        match term {
            Term::Id => Ok(()),
            Term::Num(part) | Term::Var(part) => {
                self.last = part;
                Ok(())
            }
            Term::Recurse | Term::Label(..) | Term::Break(_) | Term::Fold(..) | Term::Def(..) => {
                self.refuse("loops, jumps and definitions are not allowed")
            }
            Term::Str(Some(_), _) => self.refuse("formats such as @json are not allowed"),
            Term::Str(None, parts) => parts.iter_mut().try_for_each(|part| match part {
                StrPart::Term(term) => self.term(term, depth),
                StrPart::Str(part) => {
                    self.last = part;
                    Ok(())
                }
                StrPart::Char(_) => Ok(()),
            }),
            Term::Arr(None) => Ok(()),
            Term::Arr(Some(term)) | Term::Neg(term) => self.term(term, depth),
            Term::Obj(members) => members.iter_mut().try_for_each(|(name, value)| {
                self.term(name, depth)?;
                self.terms(value, depth)
            }),
            Term::BinOp(..) => self.operation(term, depth),
            Term::TryCatch(tried, caught) => {
                self.term(tried, depth)?;
                self.terms(caught.as_deref_mut(), depth)
            }
            Term::IfThenElse(branches, other) => {
                let branches = branches.iter_mut().flat_map(|(test, then)| [test, then]);
                self.terms(branches.chain(other.as_deref_mut()), depth)
            }
            Term::Call(name, arguments) => {
                self.last = name;
                self.call(name, arguments)?;
                self.terms(arguments, depth)
            }
            Term::Path(term, path) => {
                self.term(term, depth)?;
                path.0.iter_mut().try_for_each(|(part, _)| match part {
                    Part::Index(term) => self.term(term, depth),
                    Part::Range(from, to) => self.terms([from, to].into_iter().flatten(), depth),
                })
            }
        }
    }

    fn terms<'t>(
        &mut self,
        terms: impl IntoIterator<Item = &'t mut Term<&'s str>>,
        depth: usize,
    ) -> Result<(), Refused>
    where
        's: 't,
    {
        let mut terms = terms.into_iter();
        terms.try_for_each(|term| self.term(term, depth))
    }

    fn operation(&mut self, term: &mut Term<&'s str>, depth: usize) -> Result<(), Refused> {
        let Term::BinOp(left, operator, right) = term else {
            return Ok(());
        };
        self.term(left, depth)?;
        if let BinaryOp::Pipe(Some(pattern)) = operator {
            self.pattern(pattern, depth)?;
        }
        self.term(right, depth)?;
        match operator {
            BinaryOp::Math(Math::Mul) => {
                let factors = [left, right].map(|factor| std::mem::take(&mut **factor));
                *term = Term::Call(natives::TIMES, factors.into());
                Ok(())
            }
            BinaryOp::UpdateMath(Math::Mul) => self.refuse("`*=` is not allowed"),
            _ => Ok(()),
        }
    }

    fn pattern(&mut self, pattern: &mut Pattern<&'s str>, depth: usize) -> Result<(), Refused> {
        let Some(depth) = depth.checked_sub(1) else {
            return self.refuse(TOO_DEEP);
        };
        match pattern {
            Pattern::Var(_) => Ok(()),
            Pattern::Arr(patterns) => {
                let mut patterns = patterns.iter_mut();
                patterns.try_for_each(|pattern| self.pattern(pattern, depth))
            }
            Pattern::Obj(members) => members.iter_mut().try_for_each(|(name, pattern)| {
                self.term(name, depth)?;
                self.pattern(pattern, depth)
            }),
        }
    }

    fn call(&mut self, name: &str, arguments: &[Term<&'s str>]) -> Result<(), Refused> {
        if !natives::is_allowed(name, arguments.len()) {
            let count = arguments.len();
            return self.refuse(format!(
                "there is no function `{name}` of {count} arguments"
            ));
        }
        match (name, arguments) {
            ("error", [message]) => self.messages.extend(literal(message)),
            ("test", [pattern]) => {
                let Some(pattern) = literal(pattern) else {
                    return self.refuse("`test` takes a literal text");
                };
                let Some(regex) = natives::regex(&pattern) else {
                    return self.refuse("no regular expression, or one that is too large");
                };
                self.regexes.insert(pattern, regex);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The text of a term, if the term is one literal without interpolation.
fn literal(term: &Term<&str>) -> Option<String> {
    let Term::Str(None, parts) = term else {
        return None;
    };
    let mut text = String::new();
    for part in parts {
        match part {
            StrPart::Str(part) => text.push_str(part),
            StrPart::Char(c) => text.push(*c),
            StrPart::Term(_) => return None,
        }
    }
    Some(text)
}
