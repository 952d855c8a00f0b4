//! Measures how deeply a program nests, before anything recurses into it.

use jaq_core::load::lex::{StrPart, Tok, Token};

/// The deepest nesting of brackets and texts.
pub(crate) const DEEPEST_BRACKETS: usize = 40;
/// The deepest nesting of parts of any kind. The parser, the compiler and the interpreter recurse
/// into them. Three times this depth still fits into the 2 MiB stack of a thread.
pub(crate) const DEEPEST: usize = 150;

/// The rest of the program from the first bracket or quote that nests too deep.
pub(crate) fn too_many_brackets(code: &str) -> Option<&str> {
    let (mut open, mut chars) = (Vec::new(), code.char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        match (open.last(), c) {
            (Some('"'), '\\') => {
                if let Some((_, '(')) = chars.next() {
                    open.push('(');
                }
            }
            (Some('"'), '"') => _ = open.pop(),
            (Some('"'), _) => {}
            (_, '#') => while chars.next_if(|(_, c)| *c != '\n').is_some() {},
            (_, '"' | '(' | '[' | '{') => open.push(c),
            (_, ')' | ']' | '}') => _ = open.pop(),
            _ => {}
        }
        if open.len() > DEEPEST_BRACKETS {
            return code.get(at..);
        }
    }
    None
}

/// A stretch of tokens between two signs that bind weaker than any operator, such as `;` or `then`.
#[derive(Default)]
struct Level {
    operators: usize,
    /// The depth of the deepest part inside this stretch.
    inner: usize,
    /// The depth of the deepest stretch before this one.
    before: usize,
}

impl Level {
    fn part(&mut self) {
        self.before = self.deepest();
        (self.operators, self.inner) = (0, 0);
    }

    fn deepest(&self) -> usize {
        self.before.max(1 + self.operators + self.inner)
    }
}

/// An upper bound for the depth of the syntax tree of these tokens. Each operator of a chain counts
/// as if it stood inside the one before: `a + b + c` counts as deep as `a + (b + c)`.
pub(crate) fn of(tokens: &[Token<&str>]) -> usize {
    of_block("", tokens)
}

fn of_block(text: &str, tokens: &[Token<&str>]) -> usize {
    let is_object = text.starts_with('{');
    let mut levels = vec![Level::default()];
    for Token(text, kind) in tokens {
        let closed = match (kind, *text) {
            (Tok::Word, "if") => {
                levels.push(Level::default());
                continue;
            }
            (Tok::Word, "end") if levels.len() > 1 => levels.pop().map(|level| level.deepest()),
            _ => None,
        };
        let is_member = is_object && levels.len() == 1;
        let Some(level) = levels.last_mut() else {
            continue;
        };
        level.inner = level.inner.max(closed.unwrap_or_default());
        match (kind, *text) {
            (Tok::Word, "then" | "elif" | "else") | (Tok::Sym, ";") => level.part(),
            (Tok::Sym, ",") if is_member => level.part(),
            (Tok::Word, "try" | "and" | "or") => level.operators += 1,
            (Tok::Sym, "." | ":" | "?" | ")" | "]" | "}") => {}
            (Tok::Sym, text) if text.starts_with('.') => {}
            (Tok::Sym, _) => level.operators += 1,
            (Tok::Block(tokens), text) => level.inner = level.inner.max(of_block(text, tokens)),
            (Tok::Str(parts), _) => {
                let terms = parts.iter().map(|part| match part {
                    StrPart::Term(token) => of(std::slice::from_ref(token)),
                    StrPart::Str(_) | StrPart::Char(_) => 0,
                });
                level.inner = level.inner.max(terms.max().unwrap_or_default());
            }
            _ => {}
        }
    }
    // An `if` without its `end` counts as nested in what comes before it.
    levels.iter().map(Level::deepest).sum()
}
