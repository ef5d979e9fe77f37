//! What the test plugins are made of: one thing of each kind, which is sound or has a fault that is asked for by name.
//!
//! Things take `panic`, the name of a method that panics then, from their options; a statistic from its parameters.
#![allow(clippy::panic)] // It is made to.

pub mod catalog;
pub mod grid;
pub mod points;
pub mod statistic;

use serde_json::{Map, Value};

/// What is wrong with a thing.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    name: &'static str,
    panics: Option<String>,
}

impl Fault {
    /// Nothing is wrong but what the options say.
    pub fn none(options: &Map<String, Value>) -> Self {
        Self::of("", options)
    }

    /// The fault of this name.
    pub fn of(name: &'static str, options: &Map<String, Value>) -> Self {
        Self { name, panics: options.get("panic").and_then(Value::as_str).map(str::to_owned) }
    }

    /// Whether it is this one.
    pub fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Called first in every method.
    ///
    /// # Panics
    /// When that is the fault of this method.
    pub fn enter(&self, method: &str) {
        assert!(self.panics.as_deref() != Some(method), "planted in {method}");
    }
}
