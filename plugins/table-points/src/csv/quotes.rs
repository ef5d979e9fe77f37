//! Quotes that are not closed.
//!
//! To the parser a field that begins with a quote goes on to the next quote, over any number of rows, or to the end of the
//! file: rows would be lost without a word. The same holds for comments, which it ends at `\n` only.

use crate::options::CsvOptions;

/// Follows the text as the parser does.
#[derive(Debug)]
pub(super) struct Quotes {
    delimiter: u8,
    quote: u8,
    comment: Option<u8>,
    state: State,
    line: u64,
    /// Where the quoted field began.
    began: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Record,
    Field,
    Plain,
    Quoted,
    /// Behind a quote within a quoted field: it ends it, unless another one follows.
    Closed,
    Comment,
    /// Behind `\r` within a comment.
    CommentEnd,
}

impl Quotes {
    pub(super) fn new(options: &CsvOptions, delimiter: u8) -> Self {
        let CsvOptions { quote, comment, .. } = *options;
        Self { delimiter, quote, comment, state: State::Record, line: 1, began: 1 }
    }

    /// Takes the next bytes of the text.
    ///
    /// # Errors
    /// Says what is wrong when rows would be lost in a field or a comment.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        for &byte in bytes {
            let behind_field = match byte {
                b'\r' | b'\n' => State::Record,
                _ if byte == self.delimiter => State::Field,
                _ => State::Plain,
            };
            self.state = match self.state {
                State::Record if matches!(byte, b'\r' | b'\n') => State::Record,
                State::Record if self.comment == Some(byte) => State::Comment,
                State::Record | State::Field if byte == self.quote => {
                    self.began = self.line;
                    State::Quoted
                }
                State::Record | State::Field | State::Plain => behind_field,
                State::Quoted if byte == self.quote => State::Closed,
                State::Closed if byte == self.quote => State::Quoted,
                State::Closed if behind_field == State::Plain && self.began < self.line => {
                    return Err(self.open());
                }
                State::Closed => behind_field,
                State::Quoted => State::Quoted,
                State::CommentEnd if byte != b'\n' => {
                    return Err(format!("line {} is a comment that does not end with \\n", self.line));
                }
                State::Comment | State::CommentEnd => match byte {
                    b'\n' => State::Record,
                    b'\r' => State::CommentEnd,
                    _ => State::Comment,
                },
            };
            self.line += u64::from(byte == b'\n');
        }
        Ok(())
    }

    /// The text ends here.
    ///
    /// # Errors
    /// When it ends within quotes.
    pub(super) fn end(&self) -> Result<(), String> {
        if self.state == State::Quoted { Err(self.open()) } else { Ok(()) }
    }

    fn open(&self) -> String {
        format!(
            "the quote that begins a field in line {} is not closed; set data_source.options.quote to a character that \
             the file does not use, where quotes mean nothing",
            self.began
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        let options = CsvOptions {
            delimiter: None,
            quote: b'"',
            comment: Some(b'#'),
            header: true,
            null_values: Vec::new(),
        };
        let mut quotes = Quotes::new(&options, b',');
        // Byte by byte, as pieces may end anywhere.
        text.as_bytes().iter().try_for_each(|&byte| quotes.take(&[byte]))?;
        quotes.end()
    }

    #[test]
    fn whatever_may_lose_rows_is_found() {
        for text in [
            "",
            "a,b\n",
            "\"a\nb\",c\n",
            "\"a\"",
            "\"a\"\"\nb\"\r\n",
            "a\"b,c \"d\n",
            "\"5\" tube,6\n",
            "#\"\n1,2",
            "#\"",
            "\r\n\r\n\"x\"\r1,#\"\r\n#\r\n",
            "\"\",\"\"\n",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for (text, line) in [("a,\"b\nc,d\n", 1), ("a\nb,c\n\"d", 3), ("a\n1,\"x\n2,y\n3,\"z\n4,w\n", 2)] {
            let message = check(text).unwrap_err();
            assert!(message.contains(&format!("in line {line} is not closed")), "{message}");
        }
        assert!(check("1,2\r#x\r3,4\r").unwrap_err().contains("comment"));
    }
}
