//! Reading a mapping key by key, so that what nobody took is a misspelling.

use std::fmt;

use serde_json::{Map, Value};

use crate::suggest::did_you_mean;

/// What is wrong with a pipeline, and where: the path of keys leads [`super::Layers::locate`] to file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Keys from the root.
    pub(crate) path: Vec<String>,
    /// What is wrong.
    pub(crate) message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path.join("."), self.message)
        }
    }
}

/// A mapping being read. Keys are taken one by one; [`Section::finish`] refuses what is left.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    path: Vec<String>,
    entries: Map<String, Value>,
    /// Every key that somebody asked for: the suggestions for what is left.
    known: Vec<&'static str>,
    notes: &'a mut Vec<String>,
}

impl<'a> Section<'a> {
    pub(crate) fn root(entries: &Map<String, Value>, notes: &'a mut Vec<String>) -> Self {
        Self { path: Vec::new(), entries: entries.clone(), known: Vec::new(), notes }
    }

    pub(crate) fn fault(&self, key: &str, message: impl Into<String>) -> Fault {
        let mut path = self.path.clone();
        path.push(key.to_string());
        Fault { path, message: message.into() }
    }

    /// Everything that has not been taken yet.
    pub(crate) fn entries(&self) -> &Map<String, Value> {
        &self.entries
    }

    pub(crate) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.entries.shift_remove(key)
    }

    fn child(&mut self, key: &str, entries: Map<String, Value>) -> Section<'_> {
        let mut path = self.path.clone();
        path.push(key.to_string());
        Section { path, entries, known: Vec::new(), notes: self.notes }
    }

    /// The mapping under `key`; absent and null are alike.
    pub(crate) fn section(&mut self, key: &'static str) -> Result<Option<Section<'_>>, Fault> {
        match self.take(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(entries)) => Ok(Some(self.child(key, entries))),
            Some(_) => Err(self.fault(key, "must be a mapping")),
        }
    }

    pub(crate) fn required_section(&mut self, key: &'static str) -> Result<Section<'_>, Fault> {
        match self.take(key) {
            Some(Value::Object(entries)) if !entries.is_empty() => Ok(self.child(key, entries)),
            None | Some(Value::Null | Value::Object(_)) => {
                Err(Fault { path: self.path.clone(), message: format!("the section {key} is missing") })
            }
            Some(_) => Err(self.fault(key, "must be a mapping")),
        }
    }

    /// Takes every remaining entry as a mapping of its own, in the order of the file.
    pub(crate) fn each(
        &mut self,
        mut read: impl FnMut(&str, &mut Section<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for (key, value) in std::mem::take(&mut self.entries) {
            let Value::Object(entries) = value else { return Err(self.fault(&key, "must be a mapping")) };
            read(&key, &mut self.child(&key, entries))?;
        }
        Ok(())
    }

    pub(crate) fn string(&mut self, key: &'static str) -> Result<Option<String>, Fault> {
        match self.take(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.fault(key, format!("must be text, not {other}"))),
        }
    }

    pub(crate) fn boolean(&mut self, key: &'static str) -> Result<Option<bool>, Fault> {
        match self.take(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.fault(key, format!("must be true or false, not {other}"))),
        }
    }

    /// Accepts a key without effect, and says so.
    pub(crate) fn ignore(&mut self, key: &'static str, why: &str) {
        if self.take(key).is_some() {
            let mut path = self.path.clone();
            path.push(key.to_string());
            self.notes.push(format!("{} {why}; it is ignored", path.join(".")));
        }
    }

    /// Refuses a key of the original that asks for something this version does not do.
    pub(crate) fn refuse(&mut self, key: &'static str) -> Result<(), Fault> {
        match self.take(key) {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(self.fault(key, "is not supported by this version of zagg; leave it out")),
        }
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        match self.entries.keys().next() {
            None => Ok(()),
            Some(key) => {
                let mut known = self.known.clone();
                known.sort_unstable();
                let suggestion = did_you_mean(key, known.iter().copied());
                let message = if suggestion.is_empty() {
                    format!("unknown key; known here: {}", known.join(", "))
                } else {
                    format!("unknown key{suggestion}")
                };
                Err(self.fault(key, message))
            }
        }
    }
}
