//! YAML texts laid over each other, and the way back from a key to file and line.

use serde_json::{Map, Number, Value};

use super::catalog;
use super::section::Fault;
use crate::error::{Error, Result};

/// Longest pipeline that is read.
const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 32;
/// Most brackets open at once in a text that is parsed at all: the parser's time grows with the square of their number.
const MAX_OPEN_BRACKETS: usize = 1000;

/// One YAML text.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    name: String,
    text: String,
    entries: Map<String, Value>,
}

impl Layer {
    /// Parses a text; `name` is its file, for messages.
    ///
    /// # Errors
    /// When it is no YAML mapping, with the line.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            return Err(Error::input(format!(
                "{name}: a pipeline has at most {MAX_BYTES} bytes, this has {}",
                text.len()
            )));
        }
        if open_brackets(text) > MAX_OPEN_BRACKETS {
            return Err(Error::input(format!(
                "{name}: more than {MAX_OPEN_BRACKETS} brackets are open at once"
            )));
        }
        let value: serde_yaml::Value = serde_yaml::from_str(text)
            .map_err(|error| Error::input(format!("{name}: not valid YAML: {error}")))?;
        match to_json(value, 0).map_err(|message| Error::input(format!("{name}: {message}")))? {
            Value::Object(entries) => Ok(Self { name: name.into(), text: text.into(), entries }),
            Value::Null => Err(Error::input(format!("{name}: the pipeline is empty"))),
            _ => Err(Error::input(format!(
                "{name}: a pipeline is a mapping with the sections data_source, aggregation, output"
            ))),
        }
    }

    /// A layer of entries that have no text; `name` is where they come from.
    pub(crate) fn from_entries(name: &str, entries: Map<String, Value>) -> Self {
        Self { name: name.into(), text: String::new(), entries }
    }

    /// How many keys of `path` the text has.
    fn depth(&self, path: &[String]) -> usize {
        let mut entries = Some(&self.entries);
        path.iter()
            .take_while(|key| {
                let value = entries.and_then(|entries| entries.get(key.as_str()));
                entries = value.and_then(Value::as_object);
                value.is_some()
            })
            .count()
    }

    /// Line of the deepest key of `path` that begins a line of the text, counted from 1.
    fn line(&self, path: &[String]) -> Option<usize> {
        let mut found = None;
        let mut depth = 0;
        // Indentation of the key found last: a line that is not deeper ends the search. And that of its children: a key
        // of the same name further down belongs to one of them.
        let (mut parent, mut children) = (None, None);
        for (number, line) in self.text.lines().enumerate() {
            let trimmed = line.trim_start();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let here = line.len() - trimmed.len();
            if parent.is_some_and(|parent| here <= parent) {
                break;
            }
            let Some(key) = path.get(depth) else { break };
            if here == *children.get_or_insert(here) && key_of(trimmed) == Some(key.as_str()) {
                depth += 1;
                found = Some(number + 1);
                (parent, children) = (Some(here), None);
            }
        }
        found
    }
}

/// Most brackets open at once, wherever they stand.
fn open_brackets(text: &str) -> usize {
    let (mut open, mut most) = (0usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// The key at the start of a line of block-style YAML.
fn key_of(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| key.trim().trim_matches(['"', '\'']))
}

/// Several layers, lowest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layers {
    layers: Vec<Layer>,
}

impl Layers {
    /// Lays one more on top.
    pub fn push(&mut self, layer: Layer) {
        self.layers.push(layer);
    }

    pub(crate) fn merged(&self) -> Result<Map<String, Value>> {
        if self.layers.is_empty() {
            return Err(Error::input("no pipeline: give --plugin NAME or --config FILE"));
        }
        let mut merged = Map::new();
        for layer in &self.layers {
            overlay(&mut merged, &layer.entries, &mut Vec::new());
        }
        Ok(merged)
    }

    /// The error with file and line in front, when its message begins with the path of a key: `a.b: what` or
    /// `a: b.c what`.
    pub(crate) fn locate_message(&self, error: Error) -> Error {
        let mut path: Vec<String> = Vec::new();
        for piece in error.message().split(": ").take(2) {
            let Some(word) = piece.split_whitespace().next() else { break };
            path.extend(word.split('.').map(str::to_string));
        }
        match self.best(&path) {
            Some((layer, line)) => error.context(format!("{}:{line}", layer.name)),
            None => error,
        }
    }

    /// The fault with file and line of the topmost layer that knows its path best.
    pub(crate) fn locate(&self, fault: &Fault) -> Error {
        match (self.best(&fault.path), self.layers.last()) {
            (Some((layer, line)), _) => Error::input(format!("{}:{line}: {fault}", layer.name)),
            (None, Some(layer)) => Error::input(format!("{}: {fault}", layer.name)),
            (None, None) => Error::input(fault.to_string()),
        }
    }

    /// The topmost layer that has most keys of the path, with the line of the last of them that begins one.
    fn best(&self, path: &[String]) -> Option<(&Layer, usize)> {
        let deepest = self.layers.iter().map(|layer| layer.depth(path)).max()?;
        let layer = self.layers.iter().rev().find(|layer| layer.depth(path) == deepest)?;
        Some((layer, layer.line(path)?))
    }
}

/// How deep below the root the variables of the pipeline stand: `aggregation.variables.NAME`.
const VARIABLE_DEPTH: usize = 3;

fn overlay(below: &mut Map<String, Value>, above: &Map<String, Value>, path: &mut Vec<String>) {
    let is_variable = path.len() == VARIABLE_DEPTH && path[..2] == ["aggregation", "variables"];
    if is_variable && (above.contains_key("function") || above.contains_key("expression")) {
        // What computes something else must not inherit the parameters and the description of the one below.
        for key in ["function", "expression", "source", "params", "attrs"] {
            below.shift_remove(key);
        }
    }
    if path[..] == ["output", "grid"]
        && above.get("type").is_some_and(|other| below.get("type") != Some(other))
    {
        // Nor must another grid inherit the resolution of the one below; the layout is the store's.
        below.retain(|key, _| key == "layout");
    }
    for (key, value) in above {
        let normal;
        let value = if path.is_empty() && key == catalog::KEY {
            normal = catalog::normal(value);
            &normal
        } else {
            value
        };
        match (below.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                path.push(key.clone());
                overlay(old, new, path);
                path.pop();
            }
            _ => {
                below.insert(key.clone(), value.clone());
            }
        }
    }
}

/// JSON of a YAML value. Non-finite floats become their names, which is how fill values are written.
fn to_json(value: serde_yaml::Value, depth: usize) -> Result<Value, String> {
    use serde_yaml::Value as Yaml;
    if depth > MAX_DEPTH {
        return Err(format!("nested deeper than {MAX_DEPTH} levels"));
    }
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(n), _, _) => Value::from(n),
            (_, Some(n), _) => Value::from(n),
            (_, _, Some(x)) if x.is_nan() => Value::from("NaN"),
            (_, _, Some(x)) if x.is_infinite() => Value::from(if x > 0.0 { "Infinity" } else { "-Infinity" }),
            (_, _, x) => x.and_then(Number::from_f64).map_or(Value::Null, Value::Number),
        },
        Yaml::Sequence(items) => {
            Value::Array(items.into_iter().map(|item| to_json(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let Yaml::String(key) = key else { return Err(format!("a key must be text, not {key:?}")) };
                map.insert(key, to_json(value, depth + 1)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tagged) => return Err(format!("tags such as {} are not read", tagged.tag)),
    })
}
