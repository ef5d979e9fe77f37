//! From text to tokens.

use crate::error::{Error, ErrorKind};

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Integer(i128),
    Float(f64),
    Name(String),
    /// An operator or a bracket, as written.
    Symbol(&'static str),
    End,
}

impl Token {
    /// The token for messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Integer(x) => x.to_string(),
            Self::Float(x) => x.to_string(),
            Self::Name(name) => format!("{name:?}"),
            Self::Symbol(symbol) => (*symbol).to_string(),
            Self::End => "the end".to_string(),
        }
    }
}

/// A fault in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    /// What is wrong.
    pub(super) message: String,
    /// Where: the number of the character, counted from 1.
    pub(super) column: usize,
    /// Who is at fault: the text, unless a computation says otherwise.
    pub(super) kind: ErrorKind,
}

impl Fault {
    pub(super) fn new(column: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), column, kind: ErrorKind::Input }
    }

    /// The fault of a computation that stands there.
    pub(super) fn of(column: usize, error: &Error) -> Self {
        Self { message: error.message().to_string(), column, kind: error.kind() }
    }
}

/// Operators and brackets; a longer one stands before its beginnings.
const SYMBOLS: [&str; 21] = [
    "**", "//", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "<", ">", "&", "|", "~", "(", ")", ",", ".",
    "=",
];

/// The tokens with the columns where they start; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Fault> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let column = at + 1;
        if c.is_whitespace() {
            at += 1;
        } else if c.is_ascii_digit()
            || (c == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit) && !ends_name(&out))
        {
            let (token, length) = number(&chars[at..], column)?;
            out.push((token, column));
            at += length;
        } else if c.is_alphabetic() || c == '_' {
            let name: String = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
            at += name.chars().count();
            out.push((Token::Name(name), column));
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| starts_with(&chars[at..], s)) {
            out.push((Token::Symbol(symbol), column));
            at += symbol.len();
        } else {
            return Err(Fault::new(column, unexpected(c)));
        }
    }
    out.push((Token::End, chars.len() + 1));
    Ok(out)
}

fn ends_name(tokens: &[(Token, usize)]) -> bool {
    matches!(tokens.last(), Some((Token::Name(_), _)))
}

fn starts_with(chars: &[char], symbol: &str) -> bool {
    symbol.chars().enumerate().all(|(i, c)| chars.get(i) == Some(&c))
}

fn unexpected(c: char) -> String {
    match c {
        '!' => "! has no meaning; negate a condition with ~".to_string(),
        '^' => "^ has no meaning; a power is written with **".to_string(),
        '[' | ']' => "indexing is not supported".to_string(),
        '"' | '\'' => "texts are not supported; write names and numbers without quotes".to_string(),
        c => format!("unexpected character {c:?}"),
    }
}

/// The number at the start and how many characters it takes.
fn number(chars: &[char], column: usize) -> Result<(Token, usize), Fault> {
    let digits = |from: usize| chars[from..].iter().take_while(|c| c.is_ascii_digit()).count();
    let mut end = digits(0);
    let mut float = false;
    if chars.get(end) == Some(&'.') {
        float = true;
        end += 1;
        end += digits(end);
    }
    if matches!(chars.get(end), Some('e' | 'E')) {
        let sign = usize::from(matches!(chars.get(end + 1), Some('+' | '-')));
        let exponent = digits((end + 1 + sign).min(chars.len()));
        if exponent > 0 {
            float = true;
            end += 1 + sign + exponent;
        }
    }
    let text: String = chars[..end].iter().collect();
    if chars.get(end).is_some_and(|c| c.is_alphanumeric() || *c == '_' || *c == '.') {
        return Err(Fault::new(column, "malformed number"));
    }
    let token =
        if float { text.parse().ok().map(Token::Float) } else { text.parse().ok().map(Token::Integer) };
    match token {
        Some(Token::Integer(x)) if x > i128::from(u64::MAX) => {
            Err(Fault::new(column, "the integer exceeds 64 bits; write it as a float"))
        }
        Some(token) => Ok((token, end)),
        None => Err(Fault::new(column, "the integer exceeds 64 bits; write it as a float")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|(t, _)| t).collect()
    }

    #[test]
    fn numbers_names_and_symbols() {
        assert_eq!(
            kinds("1.5e-3**.5//np.x1"),
            [
                Token::Float(1.5e-3),
                Token::Symbol("**"),
                Token::Float(0.5),
                Token::Symbol("//"),
                Token::Name("np".into()),
                Token::Symbol("."),
                Token::Name("x1".into()),
                Token::End
            ]
        );
        assert_eq!(kinds("1.")[0], Token::Float(1.0));
        assert_eq!(kinds("18446744073709551615")[0], Token::Integer(i128::from(u64::MAX)));
    }

    #[test]
    fn bad_numbers_are_refused_where_they_stand() {
        for (text, column) in
            [("x + 1_000", 5), ("0x10", 1), ("1e", 1), ("1.2.3", 1), ("18446744073709551616", 1)]
        {
            assert_eq!(tokens(text).unwrap_err().column, column, "{text}");
        }
        assert_eq!(tokens(&"9".repeat(60)).unwrap_err().column, 1);
    }
}
