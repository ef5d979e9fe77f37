//! Logs as Lambda's JSON format has them: one object a line, with `timestamp`, `level`, `message` and `requestId`.
//!
//! After the developer guide of AWS Lambda, "Log and monitor", section on JSON log formats. What is logged is counts, names of
//! shards and messages of errors, which hold no secrets; never an event, never what an object holds.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use zagg_core::time::date_text;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// What was done.
    Info,
    /// What somebody should look at.
    Warn,
    /// What did not work.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    /// The level of a name, as `AWS_LAMBDA_LOG_LEVEL` has them.
    fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "TRACE" | "DEBUG" => Some(Self::Debug),
            "INFO" => Some(Self::Info),
            "WARN" => Some(Self::Warn),
            "ERROR" | "FATAL" => Some(Self::Error),
            _ => None,
        }
    }
}

/// Where lines go.
pub struct Log {
    least: Level,
    to: Mutex<Box<dyn Write + Send>>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("least", &self.least).finish_non_exhaustive()
    }
}

impl Log {
    /// Lines of at least a level, to some writer.
    pub fn new(least: Level, to: impl Write + Send + 'static) -> Self {
        Self { least, to: Mutex::new(Box::new(to)) }
    }

    /// Standard output, which Lambda collects, from the level of `AWS_LAMBDA_LOG_LEVEL` on.
    pub fn of_process() -> Self {
        let least = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|name| Level::parse(&name));
        Self::new(least.unwrap_or(Level::Info), std::io::stdout())
    }

    /// Writes a line. A log that cannot be written is no reason to fail.
    pub(crate) fn line(&self, level: Level, request: &str, message: &str, fields: Value) {
        if level < self.least {
            return;
        }
        let line = line(SystemTime::now(), level, request, message, fields);
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece, so that no other line gets into it.
        let _ = to.write_all(line.as_bytes()).and_then(|()| to.flush());
    }
}

fn line(now: SystemTime, level: Level, request: &str, message: &str, fields: Value) -> String {
    let passed = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let date = date_text(passed.as_secs_f64());
    let mut object = Map::new();
    object.insert(
        "timestamp".into(),
        format!("{}.{:03}Z", date.trim_end_matches('Z'), passed.subsec_millis()).into(),
    );
    object.insert("level".into(), level.name().into());
    object.insert("message".into(), message.into());
    if !request.is_empty() {
        object.insert("requestId".into(), request.into());
    }
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    format!("{}\n", Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn a_line_is_one_object_whatever_is_in_it() {
        let at = UNIX_EPOCH + Duration::from_millis(1_541_399_415_042);
        let text = line(at, Level::Warn, "r-1", "two\nlines \"and\" \u{1b}", json!({"shards": 2}));
        assert_eq!(text.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&text).unwrap();
        let want = json!({
            "timestamp": "2018-11-05T06:30:15.042Z", "level": "WARN", "message": "two\nlines \"and\" \u{1b}",
            "requestId": "r-1", "shards": 2,
        });
        assert_eq!(value, want);
        assert!(!line(at, Level::Info, "", "m", Value::Null).contains("requestId"));
    }

    #[test]
    fn levels_have_the_names_of_lambda() {
        assert!(Level::Debug < Level::Info && Level::Warn < Level::Error);
        for (name, level) in
            [("trace", Level::Debug), ("INFO", Level::Info), ("WARN", Level::Warn), ("FATAL", Level::Error)]
        {
            assert_eq!(Level::parse(name), Some(level));
        }
        assert_eq!(Level::parse("LOUD"), None);
    }
}
