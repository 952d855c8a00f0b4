//! Finds how wide a report may be, and wraps its lines.

/// The width of a page, in characters.
pub(super) const WIDTH: usize = 100;
/// The least width. Words do not fit into less.
const LEAST: usize = 30;

/// The width of the report: that of `COLUMNS`, else of the terminal, else of a page. It is never
/// more than a page's.
pub(super) fn width() -> usize {
    let shown = || {
        let (_, columns) = console::Term::stdout().size_checked()?;
        Some(usize::from(columns))
    };
    let width = io::config::columns()
        .or_else(shown)
        .filter(|columns| *columns > 0);
    width.unwrap_or(WIDTH).clamp(LEAST, WIDTH)
}

/// Wraps each line of the text between words. The lines that follow the first are indented. A word
/// that is longer than the width, and a line with a URL, are left as they are.
pub(super) fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.contains("://") {
            return line.to_owned();
        }
        wrapped_line(line, width, indent)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, width: usize, indent: &str) -> String {
    let mut wrapped = String::new();
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if used + length > width && used > indent.len() {
            wrapped.truncate(wrapped.trim_end().len());
            wrapped.push('\n');
            wrapped.push_str(indent);
            used = indent.len();
        }
        wrapped.push_str(word);
        used += word.chars().count();
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_breaks_between_words_and_a_long_word_stands_alone() {
        assert_eq!(wrapped("a bb ccc", 4, ""), "a bb\nccc");
        assert_eq!(wrapped("  a bb ccc\nd", 6, "  "), "  a bb\n  ccc\nd");
        assert_eq!(wrapped("a longer-than b", 5, ""), "a\nlonger-than\nb");
        assert_eq!(wrapped("  longer b", 4, "  "), "  longer\n  b");
        assert_eq!(wrapped("DELETE https://a", 8, ""), "DELETE https://a");
        assert_eq!(wrapped("│ a  ┆ b │", 10, ""), "│ a  ┆ b │");
    }
}
