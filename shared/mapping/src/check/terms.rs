//! The second check of a program: a walk over its syntax tree.
//!
//! It refuses loops, jumps, unknown functions and deep nesting, collects the messages that the
//! program may fail with, compiles the patterns of `test`, and turns each product into a call of a
//! function whose result is bounded.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::Part;

use super::{TOO_DEEP, refused};
use crate::fault::InvalidMapping;
use crate::natives::{self, Regexes};

/// A walk over the syntax tree of a program.
pub(super) struct TermWalk<'s> {
    pub(super) code: &'s str,
    /// The part that the walk met last. A term without a place of its own is reported here.
    pub(super) last: &'s str,
    pub(super) messages: BTreeSet<String>,
    pub(super) names: BTreeSet<String>,
    pub(super) regexes: Regexes,
}

impl<'s> TermWalk<'s> {
    fn refuse<T>(&self, message: impl Into<String>) -> Result<T, InvalidMapping> {
        Err(refused(self.code, self.last, message))
    }

    pub(super) fn term(
        &mut self,
        term: &mut Term<&'s str>,
        depth: usize,
    ) -> Result<(), InvalidMapping> {
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
    ) -> Result<(), InvalidMapping>
    where
        's: 't,
    {
        let mut terms = terms.into_iter();
        terms.try_for_each(|term| self.term(term, depth))
    }

    fn operation(&mut self, term: &mut Term<&'s str>, depth: usize) -> Result<(), InvalidMapping> {
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

    fn pattern(
        &mut self,
        pattern: &mut Pattern<&'s str>,
        depth: usize,
    ) -> Result<(), InvalidMapping> {
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

    fn call(&mut self, name: &str, arguments: &[Term<&'s str>]) -> Result<(), InvalidMapping> {
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
                    return self.refuse("not a regular expression, or one that is too large");
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
