//! JSON Schema, as much of it as the schemas of this crate use.
//!
//! A library for all of JSON Schema brings seven to twenty more crates into the program, for formats, remote references and
//! four older drafts that nothing here needs. This is the part of draft 2020-12 that they need; a keyword it does not know is
//! an error, and a test holds it against a complete library, with the same schemas and documents.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};
use zagg_core::{Error, Result};

/// How deep schemas may refer to each other: more is a circle.
const MAX_DEPTH: usize = 64;

/// Most faults of one document that are named.
const MAX_FAULTS: usize = 20;

/// Longest piece of a value that a message quotes, in characters.
const MAX_QUOTE: usize = 60;

/// A schema, ready to use.
#[derive(Debug)]
pub(crate) struct Schema {
    root: Value,
    patterns: BTreeMap<String, Regex>,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where, as keys and numbers with a `/` before each; empty for the whole document.
    pub(crate) place: String,
    /// What.
    pub(crate) message: String,
}

impl Schema {
    /// The schema of a text, one of this crate's own.
    ///
    /// # Errors
    /// When it is no JSON, or says something that is not understood here.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let root = serde_json::from_str(text)
            .map_err(|error| Error::input(format!("a schema is not JSON: {error}")))?;
        let mut patterns = BTreeMap::new();
        prepare(&root, &mut patterns, 0)?;
        Ok(Self { root, patterns })
    }

    /// What is wrong with a document; nothing when it is sound.
    pub(crate) fn faults(&self, document: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.check(&self.root, document, &mut Place { path: String::new(), depth: 0 }, &mut faults);
        faults.truncate(MAX_FAULTS);
        faults
    }

    fn is_valid(&self, schema: &Value, document: &Value, place: &mut Place) -> bool {
        let mut faults = Vec::new();
        self.check(schema, document, place, &mut faults);
        faults.is_empty()
    }

    fn check(&self, schema: &Value, document: &Value, place: &mut Place, faults: &mut Vec<Fault>) {
        if faults.len() >= MAX_FAULTS {
            return;
        }
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(false) => return place.fault("is not allowed here", faults),
            _ => return,
        };
        if place.depth >= MAX_DEPTH {
            return place.fault("is nested too deeply", faults);
        }
        place.depth += 1;
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            match target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                Some(target) => self.check(target, document, place, faults),
                None => place.fault("cannot be checked: its schema is broken", faults),
            }
        }
        self.check_value(schema, document, place, faults);
        match document {
            Value::Object(object) => self.check_object(schema, object, place, faults),
            Value::Array(items) => self.check_items(schema, items, place, faults),
            _ => {}
        }
        self.check_combined(schema, document, place, faults);
        place.depth -= 1;
    }

    /// Keywords about a value itself.
    fn check_value(
        &self,
        schema: &Map<String, Value>,
        document: &Value,
        place: &Place,
        faults: &mut Vec<Fault>,
    ) {
        let types = match schema.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !types.is_empty() && !types.iter().any(|name| has_type(document, name)) {
            place.fault(&format!("is {}, not {}", quoted(document), types.join(" or ")), faults);
        }
        if let Some(wanted) = schema.get("const").filter(|wanted| !equal(wanted, document)) {
            place.fault(&format!("is {}, not {}", quoted(document), quoted(wanted)), faults);
        }
        if let Some(Value::Array(allowed)) = schema.get("enum")
            && !allowed.iter().any(|one| equal(one, document))
        {
            let allowed: Vec<String> = allowed.iter().map(quoted).collect();
            place.fault(&format!("is {}, none of {}", quoted(document), allowed.join(", ")), faults);
        }
        if let Some(number) = document.as_f64() {
            let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
            if bound("minimum").is_some_and(|least| number < least)
                || bound("exclusiveMinimum").is_some_and(|below| number <= below)
            {
                place.fault(&format!("is {}, which is too small", quoted(document)), faults);
            }
            if bound("maximum").is_some_and(|most| number > most) {
                place.fault(&format!("is {}, which is too large", quoted(document)), faults);
            }
        }
        if let (Some(pattern), Value::String(text)) =
            (schema.get("pattern").and_then(Value::as_str), document)
            && !self.patterns.get(pattern).is_some_and(|pattern| pattern.is_match(text))
        {
            place.fault(&format!("is {}, which does not match {pattern}", quoted(document)), faults);
        }
    }

    fn check_object(
        &self,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        place: &mut Place,
        faults: &mut Vec<Fault>,
    ) {
        let names = |value: Option<&Value>| -> Vec<String> {
            let names = value.and_then(Value::as_array).into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        for name in names(schema.get("required")) {
            if !object.contains_key(&name) {
                place.fault(&format!("lacks '{name}'"), faults);
            }
        }
        for (key, needed) in schema.get("dependentRequired").and_then(Value::as_object).into_iter().flatten()
        {
            for name in names(Some(needed)) {
                if object.contains_key(key) && !object.contains_key(&name) {
                    place.fault(&format!("has '{key}' but lacks '{name}'"), faults);
                }
            }
        }
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (key, value) in object {
            match (known.and_then(|known| known.get(key)), others) {
                (Some(rule), _) => place.within(key, |place| self.check(rule, value, place, faults)),
                (None, Some(Value::Bool(false))) => {
                    place.fault(&format!("has '{}', which is not allowed", key.escape_debug()), faults);
                }
                (None, Some(rule)) => place.within(key, |place| self.check(rule, value, place, faults)),
                (None, None) => {}
            }
        }
    }

    fn check_items(
        &self,
        schema: &Map<String, Value>,
        items: &[Value],
        place: &mut Place,
        faults: &mut Vec<Fault>,
    ) {
        let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
        if bound("minItems").is_some_and(|least| (items.len() as u64) < least) {
            place.fault(&format!("has {} items, which are too few", items.len()), faults);
        }
        if bound("maxItems").is_some_and(|most| items.len() as u64 > most) {
            place.fault(&format!("has {} items, which are too many", items.len()), faults);
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) && !all_differ(items) {
            place.fault("has the same item twice", faults);
        }
        if let Some(rule) = schema.get("contains")
            && !items.iter().any(|item| self.is_valid(rule, item, place))
        {
            place.fault("has no item as it has to be", faults);
        }
        if let Some(rule) = schema.get("items") {
            for (at, item) in items.iter().enumerate() {
                place.within(&at.to_string(), |place| self.check(rule, item, place, faults));
            }
        }
    }

    /// Keywords that combine schemas.
    fn check_combined(
        &self,
        schema: &Map<String, Value>,
        document: &Value,
        place: &mut Place,
        faults: &mut Vec<Fault>,
    ) {
        let list = |key: &str| schema.get(key).and_then(Value::as_array);
        for rule in list("allOf").into_iter().flatten() {
            self.check(rule, document, place, faults);
        }
        if let Some(rules) = list("anyOf")
            && !rules.iter().any(|rule| self.is_valid(rule, document, place))
        {
            place.fault(&format!("has none of the forms it may have: {}", alternatives(rules)), faults);
        }
        if let Some(rules) = list("oneOf") {
            let fitting = rules.iter().filter(|rule| self.is_valid(rule, document, place)).count();
            if fitting != 1 {
                place.fault(
                    &format!("has not exactly one of the forms it may have: {}", alternatives(rules)),
                    faults,
                );
            }
        }
        if let Some(rule) = schema.get("not")
            && self.is_valid(rule, document, place)
        {
            place.fault(&format!("is {}, which is not allowed", quoted(document)), faults);
        }
        if let Some(condition) = schema.get("if") {
            let branch = if self.is_valid(condition, document, place) { "then" } else { "else" };
            if let Some(rule) = schema.get(branch) {
                self.check(rule, document, place, faults);
            }
        }
    }
}

/// Where in the document a check is.
struct Place {
    path: String,
    depth: usize,
}

impl Place {
    fn within(&mut self, key: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(key);
        check(self);
        self.path.truncate(length);
    }

    fn fault(&self, message: &str, faults: &mut Vec<Fault>) {
        faults.push(Fault { place: self.path.clone(), message: message.to_owned() });
    }
}

/// Looks at every keyword of a schema and compiles its patterns.
fn prepare(schema: &Value, patterns: &mut BTreeMap<String, Regex>, depth: usize) -> Result<()> {
    let Value::Object(schema) = schema else { return Ok(()) };
    if depth > MAX_DEPTH {
        return Err(Error::input("a schema is nested too deeply"));
    }
    for (keyword, value) in schema {
        let inner: Vec<&Value> = match keyword.as_str() {
            "$schema" | "$comment" | "title" | "description" | "$ref" | "type" | "const" | "enum"
            | "required" | "dependentRequired" | "minimum" | "exclusiveMinimum" | "maximum" | "minItems"
            | "maxItems" | "uniqueItems" => Vec::new(),
            "pattern" => {
                let text = value.as_str().unwrap_or_default();
                let pattern =
                    Regex::new(text).map_err(|error| Error::input(format!("a schema's pattern: {error}")))?;
                patterns.insert(text.to_owned(), pattern);
                Vec::new()
            }
            "properties" | "$defs" => {
                value.as_object().into_iter().flatten().map(|(_, schema)| schema).collect()
            }
            "additionalProperties" | "items" | "contains" | "not" | "if" | "then" | "else" => vec![value],
            "allOf" | "anyOf" | "oneOf" => value.as_array().into_iter().flatten().collect(),
            other => return Err(Error::input(format!("a schema has the keyword '{other}'"))),
        };
        for schema in inner {
            prepare(schema, patterns, depth + 1)?;
        }
    }
    Ok(())
}

fn has_type(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(n) => {
            name == "number"
                // As the specification has it, 1.0 is an integer.
                || name == "integer"
                    && (n.is_u64() || n.is_i64() || n.as_f64().is_some_and(|x| x.fract() == 0.0))
        }
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    }
}

/// Equality of values: numbers by value, objects whatever the order of their keys.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            x == y || x.as_f64() == y.as_f64() && !(x.is_u64() && y.is_u64())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

fn all_differ(items: &[Value]) -> bool {
    let mut texts: Vec<String> = items.iter().map(Value::to_string).collect();
    texts.sort_unstable();
    texts.windows(2).all(|pair| pair[0] != pair[1])
}

/// A value as it is written, shortened, for messages.
fn quoted(value: &Value) -> String {
    let text = match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What the forms of a list of alternatives require.
fn alternatives(rules: &[Value]) -> String {
    let forms: Vec<String> = rules
        .iter()
        .map(|rule| match (rule["required"].as_array(), rule["type"].as_str()) {
            (Some(names), _) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" and "),
            (None, Some(name)) => name.to_owned(),
            (None, None) => "another form".to_owned(),
        })
        .collect();
    forms.join("; or ")
}

#[cfg(test)]
mod tests;
