//! JSON text from a stream, value by value.
//!
//! What a value is made of is found out without understanding it: its extent is followed through strings and brackets, and
//! its bytes are handed out together.

use std::io::{ErrorKind, Read};

use crate::error::{Error, Result};

/// Bytes that are read at once.
const CHUNK: usize = 1 << 18;
/// Longest key of the file's object, in bytes.
const MAX_KEY: usize = 1 << 16;
/// Brackets inside brackets, as serde has it.
const MAX_DEPTH: usize = 128;

/// A stream of JSON text.
pub(super) struct Scanner<'a, R> {
    name: &'a str,
    input: R,
    /// What has been read and is not yet passed.
    buffer: Vec<u8>,
    /// The next byte, in `buffer`.
    at: usize,
    /// Lines before `buffer`.
    lines: usize,
    /// Whether the stream has ended.
    ended: bool,
}

impl<'a, R: Read> Scanner<'a, R> {
    /// A scanner at the start of the text; `name` is the file, for messages.
    pub(super) fn new(name: &'a str, input: R) -> Self {
        Self { name, input, buffer: Vec::new(), at: 0, lines: 0, ended: false }
    }

    /// The file.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// The error that says what is wrong here.
    pub(super) fn fault(&self, what: &str) -> Error {
        let line = 1 + self.lines + newlines(&self.buffer[..self.at.min(self.buffer.len())]);
        Error::input(format!("{}: not a shard map: {}, in line {line}", self.name, shown(what)))
    }

    /// Reads more behind what there is; `false` at the end. What has been passed is dropped.
    fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.lines += newlines(&self.buffer[..self.at]);
        self.buffer.drain(..self.at);
        self.at = 0;
        let have = self.buffer.len();
        // A long value is read in ever larger pieces, so that its bytes are moved a few times at most.
        let want = CHUNK.max(have);
        self.buffer.resize(have + want, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[have..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match read {
            Ok(read) => {
                self.buffer.truncate(have + read);
                self.ended = read == 0;
                Ok(!self.ended)
            }
            Err(error) => {
                self.buffer.truncate(have);
                // Decompressors say so about what they are given.
                let damaged = matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof);
                let failed = Error::from_io(&error, self.name);
                Err(if damaged { Error::corrupt(failed.message()) } else { failed })
            }
        }
    }

    /// The next byte that is no space, without passing it; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            while let Some(&byte) = self.buffer.get(self.at) {
                if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                    return Ok(Some(byte));
                }
                self.at += 1;
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    fn cut_off(&self) -> Error {
        self.fault("the file ends too early")
    }

    /// Passes one byte, which must be this one.
    fn expect(&mut self, wanted: u8) -> Result<()> {
        match self.peek()? {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.fault(&format!("expected {:?}", char::from(wanted)))),
            None => Err(self.cut_off()),
        }
    }

    /// Passes a comma, or the closing bracket; `true` when there is another item.
    fn another(&mut self, close: u8) -> Result<bool> {
        match self.peek()? {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(_) => Err(self.fault(&format!("expected ',' or {:?}", char::from(close)))),
            None => Err(self.cut_off()),
        }
    }

    /// Whether the bracket that has just been opened is closed at once, which is passed.
    fn is_empty(&mut self, close: u8) -> Result<bool> {
        let empty = self.peek()? == Some(close);
        self.at += usize::from(empty);
        Ok(empty)
    }

    /// An array; `item` must pass the item it is called at.
    pub(super) fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.expect(b'[')?;
        if self.is_empty(b']')? {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.another(b']')? {
                return Ok(());
            }
        }
    }

    /// An object; `member` gets the key and must pass the value it is called at.
    pub(super) fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        self.expect(b'{')?;
        if self.is_empty(b'}')? {
            return Ok(());
        }
        loop {
            let key: String = match serde_json::from_slice(self.raw(MAX_KEY)?) {
                Ok(key) => key,
                Err(_) => return Err(self.fault("a key is no string")),
            };
            self.expect(b':')?;
            member(self, &key)?;
            if !self.another(b'}')? {
                return Ok(());
            }
        }
    }

    /// Nothing but spaces may follow.
    pub(super) fn end(&mut self) -> Result<()> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.fault("there is more behind the end of the object")),
        }
    }

    /// The bytes of the next value, of which there may be `most`. They begin and end as a value does and have their
    /// brackets in pairs; no more is known about them.
    pub(super) fn raw(&mut self, most: usize) -> Result<&[u8]> {
        self.peek()?;
        let mut extent = Extent::default();
        let mut length = 0;
        loop {
            let step = extent.follow(&self.buffer[self.at + length..]);
            length += step.passed;
            if length > most {
                return Err(self.fault(&format!("a value has more than {most} bytes")));
            }
            match step.end {
                Some(Ok(())) => break,
                Some(Err(what)) => return Err(self.fault(what)),
                None if self.fill()? => {}
                None if extent.may_end() => break,
                None => return Err(self.cut_off()),
            }
        }
        let from = self.at;
        self.at += length;
        Ok(&self.buffer[from..self.at])
    }

    /// Passes the next value, however long it is.
    pub(super) fn skip(&mut self) -> Result<()> {
        self.peek()?;
        let mut extent = Extent::default();
        loop {
            let step = extent.follow(&self.buffer[self.at..]);
            self.at += step.passed;
            match step.end {
                Some(Ok(())) => return Ok(()),
                Some(Err(what)) => return Err(self.fault(what)),
                None if self.fill()? => {}
                None if extent.may_end() => return Ok(()),
                None => return Err(self.cut_off()),
            }
        }
    }
}

/// Words of a file in a message, which has one line.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn newlines(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte == b'\n').count()
}

/// Follows one value through pieces of text.
#[derive(Default)]
struct Extent {
    /// Closing brackets that are due, the next one last.
    due: Vec<u8>,
    /// Inside a string.
    string: bool,
    /// Behind a backslash in a string.
    escaped: bool,
    /// A number or a word has begun, outside of all brackets.
    word: bool,
}

/// How far a piece was followed.
struct Step {
    /// Bytes of the piece that belong to the value.
    passed: usize,
    /// Whether the value has ended, or what is wrong with it; `None` when the piece has ended first.
    end: Option<Result<(), &'static str>>,
}

impl Extent {
    /// A number or a word ends with the text.
    fn may_end(&self) -> bool {
        self.word
    }

    fn follow(&mut self, text: &[u8]) -> Step {
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            if self.escaped {
                self.escaped = false;
                at += 1;
                continue;
            }
            if self.string {
                let rest = &text[at..];
                match rest.iter().position(|&byte| byte == b'"' || byte == b'\\') {
                    None => at = text.len(),
                    Some(length) => {
                        self.escaped = rest[length] == b'\\';
                        self.string = self.escaped;
                        at += length + 1;
                        if !self.string && self.due.is_empty() {
                            return Step { passed: at, end: Some(Ok(())) };
                        }
                    }
                }
                continue;
            }
            match byte {
                // Of a number or word at the top these are the end.
                b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' | b']' | b'}' if self.word => {
                    return Step { passed: at, end: Some(Ok(())) };
                }
                b'"' | b'[' | b'{' if self.word => {
                    return Step { passed: at, end: Some(Err("expected a value")) };
                }
                b'"' => self.string = true,
                b'[' | b'{' => {
                    if self.due.len() == MAX_DEPTH {
                        return Step { passed: at, end: Some(Err("brackets are nested too deeply")) };
                    }
                    self.due.push(byte + 2);
                }
                b']' | b'}' => {
                    if self.due.pop() != Some(byte) {
                        return Step {
                            passed: at,
                            end: Some(Err("a bracket is closed that was not opened")),
                        };
                    }
                    if self.due.is_empty() {
                        return Step { passed: at + 1, end: Some(Ok(())) };
                    }
                }
                b',' | b':' if self.due.is_empty() => {
                    return Step { passed: at, end: Some(Err("expected a value")) };
                }
                _ => self.word = self.due.is_empty(),
            }
            at += 1;
        }
        Step { passed: at, end: None }
    }
}
