//! Characters that nobody sees.

/// Whether a character is drawn as nothing: it is of the general category Cf (format), or has the
/// property `Default_Ignorable_Code_Point` (Unicode 16.0, `DerivedCoreProperties.txt`).
///
/// Spreadsheets and web pages leave such characters at the ends of what people copy: U+202C behind
/// a phone number, U+FEFF before the first value of a file.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{0600}'..='\u{0605}' | '\u{061C}' | '\u{06DD}' | '\u{070F}'
        | '\u{0890}'..='\u{0891}' | '\u{08E2}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}'
        | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_that_of_unicode() {
        let unicode = regex::Regex::new(r"[\p{Cf}\p{Default_Ignorable_Code_Point}]").unwrap();
        let all: String = ('\0'..=char::MAX).collect();
        let expected: String = unicode
            .find_iter(&all)
            .map(|found| found.as_str())
            .collect();
        let seen: String = all.chars().filter(|c| is_invisible(*c)).collect();
        assert_eq!(seen, expected);
    }
}
