//! Strings that never reach a log, a message or a file.

use std::fmt;
use std::sync::Arc;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// A token, password or key. It shows as `***`; the text itself is only had by [`expose`](Self::expose).
///
/// Clones share the one copy in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a text in.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Arc::from(text.as_ref()))
    }

    /// The text itself, for the header it goes into.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// What a server said, fit for a message of one line: without the secrets that were sent to it, without control
/// characters, and short.
pub(crate) fn quotable(text: &str, secrets: &[&Secret]) -> String {
    const LONGEST: usize = 200;
    let mut text = text.to_string();
    for secret in secrets.iter().map(|secret| secret.expose()).filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, HIDDEN);
    }
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let mut line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() > LONGEST {
        line = line.chars().take(LONGEST).chain("…".chars()).collect();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        #[derive(Debug)]
        #[allow(dead_code)]
        struct Holder {
            name: &'static str,
            secret: Option<Secret>,
        }
        let secret = Secret::new("p4ss");
        let holder = Holder { name: "n", secret: Some(secret.clone()) };
        assert_eq!(format!("{secret} {secret:?} {secret:>10}"), "*** *** ***");
        assert!(!format!("{holder:?} {holder:#?}").contains("p4ss"));
        assert_eq!(secret.expose(), "p4ss");
    }

    #[test]
    fn what_a_server_echoes_is_cut_and_cleaned() {
        let secret = Secret::new("p4ss");
        assert_eq!(quotable("user\tp4ss\r\nsaid \u{1b}[31m p4ss.", &[&secret]), "user *** said [31m ***.");
        assert_eq!(quotable(&"ä".repeat(500), &[]).chars().count(), 201);
        assert_eq!(quotable("a b", &[&Secret::new("")]), "a b");
    }
}
