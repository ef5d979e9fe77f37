//! The file `.netrc`, where people keep the passwords of machines.
//!
//! Format: the manual of ftp(1) and GNU inetutils, "The .netrc file", with the quotes of curl: tokens between white space, a
//! token in double quotes may hold white space and `\"`, `\\`, `\n`, `\t`; a `#` where a keyword could stand begins a
//! comment; a `macdef` runs to the next empty line.

use crate::secret::Secret;

/// Who logs in to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) login: String,
    pub(super) password: Secret,
}

/// What is wrong with a file, and in which line, counted from 1. Never holds any of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

/// The first entry of a machine, else the one of `default`; none when the file has neither.
///
/// # Errors
/// When the file is broken, or the entry lacks its login or password.
pub(super) fn find(text: &str, machine: &str) -> Result<Option<Entry>, Fault> {
    let mut tokens = Tokens::new(text);
    let mut found: Option<Draft> = None;
    let mut current: Option<Draft> = None;
    while let Some((word, line)) = tokens.keyword()? {
        match word.as_str() {
            "machine" | "default" => {
                let named = word == "machine";
                let name = if named { tokens.value(line)? } else { String::new() };
                settle(&mut found, current.take());
                let wanted = !named || name.eq_ignore_ascii_case(machine);
                current = Some(Draft { wanted, named, line, login: None, password: None });
            }
            "login" | "user" | "account" | "password" => {
                let value = tokens.value(line)?;
                let entry = current.as_mut().ok_or(Fault { line, what: "stands before any machine" })?;
                match word.as_str() {
                    "password" => entry.password = Some(Secret::new(value)),
                    "account" => {}
                    _ => entry.login = Some(value),
                }
            }
            "macdef" => {
                tokens.value(line)?;
                tokens.skip_macro();
            }
            _ => return Err(Fault { line, what: "a word that is no keyword" }),
        }
    }
    settle(&mut found, current);
    found.map(Draft::finish).transpose()
}

/// An entry while it is read.
#[derive(Debug)]
struct Draft {
    wanted: bool,
    named: bool,
    line: usize,
    login: Option<String>,
    password: Option<Secret>,
}

impl Draft {
    fn finish(self) -> Result<Entry, Fault> {
        let fault = |what| Fault { line: self.line, what };
        Ok(Entry {
            login: self.login.filter(|l| !l.is_empty()).ok_or(fault("an entry without login"))?,
            password: self
                .password
                .filter(|p| !p.expose().is_empty())
                .ok_or(fault("an entry without password"))?,
        })
    }
}

/// Keeps an entry when it is wanted and better than the one found: the first, and a named one before `default`.
fn settle(found: &mut Option<Draft>, draft: Option<Draft>) {
    let Some(draft) = draft.filter(|draft| draft.wanted) else { return };
    if found.as_ref().is_none_or(|found| draft.named && !found.named) {
        *found = Some(draft);
    }
}

struct Tokens<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.trim_start_matches('\u{feff}'), line: 1 }
    }

    /// The next keyword with its line, comments left out.
    fn keyword(&mut self) -> Result<Option<(String, usize)>, Fault> {
        loop {
            self.skip_space();
            if self.rest.is_empty() {
                return Ok(None);
            }
            if !self.rest.starts_with('#') {
                let line = self.line;
                return Ok(Some((self.token()?, line)));
            }
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    /// The value of a keyword.
    fn value(&mut self, line: usize) -> Result<String, Fault> {
        self.skip_space();
        if self.rest.is_empty() {
            return Err(Fault { line, what: "a keyword without value at the end" });
        }
        self.token()
    }

    fn token(&mut self) -> Result<String, Fault> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
            let token = self.rest[..end].to_string();
            self.advance(end);
            return Ok(token);
        };
        let mut token = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.advance(1 + at + 1);
                    return Ok(token);
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => token.push('\n'),
                    Some((_, 't')) => token.push('\t'),
                    Some((_, 'r')) => token.push('\r'),
                    Some((_, other)) => token.push(other),
                    None => break,
                },
                '\n' => break,
                other => token.push(other),
            }
        }
        Err(Fault { line: self.line, what: "a quote that is not closed in its line" })
    }

    fn skip_space(&mut self) {
        let end = self.rest.find(|c: char| !c.is_whitespace()).unwrap_or(self.rest.len());
        self.advance(end);
    }

    /// Leaves out the rest of this line and all lines up to an empty one.
    fn skip_macro(&mut self) {
        while let Some(end) = self.rest.find('\n') {
            self.advance(end + 1);
            let next = self.rest.split('\n').next().unwrap_or_default();
            if next.trim_end_matches('\r').is_empty() {
                return;
            }
        }
        self.rest = "";
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }
}

#[cfg(test)]
#[path = "netrc/tests.rs"]
mod tests;
