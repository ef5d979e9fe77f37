//! How an invocation ended, from what Lambda answers: the function's response, or why there is none; and what it costs.

use serde::Deserialize;

use crate::event::Response;
use crate::invoke::Answer;

/// Longest piece of a function's own message that is repeated, in characters.
const LONGEST: usize = 300;

/// Why a function ended without a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FunctionFaultClass {
    /// It ran into its time limit.
    Timeout,
    /// It ran out of memory.
    Memory,
    /// Anything else: a panic, an exit, an answer that is no response.
    Error,
}

impl FunctionFaultClass {
    /// For people and summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Memory => "out of memory",
            Self::Error => "function error",
        }
    }
}

/// A function that ended without a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionFault {
    /// Why.
    pub class: FunctionFaultClass,
    /// One line for people.
    pub message: String,
}

/// How an invocation ended.
pub type Ending = Result<Response, FunctionFault>;

/// Reads the answer to a call that was waited for.
///
/// # Errors
/// When the function failed, or answered with something that is no response.
pub fn ending_of(answer: &Answer) -> Ending {
    if answer.failed {
        return Err(fault_of(&answer.payload));
    }
    response_of(&answer.payload)
}

/// Reads a response, of whatever origin.
///
/// # Errors
/// When it is no response.
pub fn response_of(bytes: &[u8]) -> Ending {
    Response::parse(bytes)
        .map_err(|error| FunctionFault { class: FunctionFaultClass::Error, message: error.to_string() })
}

/// What Lambda says of a function that failed: `{"errorType": …, "errorMessage": …}`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Failure {
    error_type: String,
    error_message: String,
}

fn fault_of(payload: &[u8]) -> FunctionFault {
    let failure: Failure = serde_json::from_slice(payload).unwrap_or_default();
    let (kind, message) = (failure.error_type.as_str(), failure.error_message.as_str());
    let class = if kind == "Sandbox.Timedout" || message.contains("Task timed out after") {
        FunctionFaultClass::Timeout
    } else if kind.ends_with("OutOfMemory") || message.contains("signal: killed") {
        // A function that the system kills has asked for more memory than it has.
        FunctionFaultClass::Memory
    } else {
        FunctionFaultClass::Error
    };
    let message = match (one_line(kind), one_line(message)) {
        (kind, message) if kind.is_empty() && message.is_empty() => "it did not say why; see its log".into(),
        (kind, message) if kind.is_empty() => message,
        (kind, message) => format!("{kind}: {message}"),
    };
    FunctionFault { class, message }
}

/// A text of somebody else, fit for a message.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST).collect()
}

/// What the line `REPORT` at the end of a function's log says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Milliseconds that are billed; those of starting the environment are among them where they are.
    pub billed_ms: f64,
    /// Memory that the function was given, in MB.
    pub memory_mb: Option<u64>,
    /// Memory that it used at most, in MB.
    pub max_memory_mb: Option<u64>,
}

impl Report {
    /// Finds the line in the end of a log, in either form that Lambda writes logs in.
    pub fn find(log: &str) -> Option<Self> {
        log.lines().rev().find_map(Self::of_record).or_else(|| Self::of_line(log))
    }

    /// The record of a log in JSON: `{"type": "platform.report", "record": {"metrics": {...}}}`.
    fn of_record(line: &str) -> Option<Self> {
        let line: serde_json::Value =
            serde_json::from_str(line.trim()).ok().filter(|_| line.contains("platform.report"))?;
        let metrics = line.get("record")?.get("metrics")?;
        let number = |name: &str| metrics.get(name)?.as_f64().filter(|value| (0.0..1e9).contains(value));
        (line.get("type")? == "platform.report").then_some(())?;
        Some(Self {
            billed_ms: number("billedDurationMs")?,
            memory_mb: number("memorySizeMB").map(|megabytes| megabytes as u64),
            max_memory_mb: number("maxMemoryUsedMB").map(|megabytes| megabytes as u64),
        })
    }

    fn of_line(log: &str) -> Option<Self> {
        let line = log.lines().rev().find(|line| line.trim_start().starts_with("REPORT RequestId:"))?;
        let number = |name: &str, unit: &str| {
            let (_, rest) = line.split_once(name)?;
            let (value, after) = rest.trim_start().split_once(' ')?;
            let value: f64 = value.parse().ok()?;
            (after.trim_start().starts_with(unit) && (0.0..1e9).contains(&value)).then_some(value)
        };
        let whole = |name: &str| number(name, "MB").map(|megabytes| megabytes as u64);
        Some(Self {
            billed_ms: number("Billed Duration:", "ms")?,
            memory_mb: whole("Memory Size:"),
            max_memory_mb: whole("Max Memory Used:"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(payload: &str) -> FunctionFault {
        let answer = Answer { failed: true, payload: payload.to_string().into(), log: None };
        ending_of(&answer).unwrap_err()
    }

    #[test]
    fn what_functions_die_of_is_told_apart() {
        let class = |payload: &str| failed(payload).class;
        // As the service words them.
        assert_eq!(
            class(r#"{"errorMessage":"2026-11-22T10:00:00.000Z 0a1b Task timed out after 900.00 seconds"}"#),
            FunctionFaultClass::Timeout
        );
        assert_eq!(
            class(
                r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 0a Error: Task timed out after 3.00 seconds"}"#
            ),
            FunctionFaultClass::Timeout
        );
        assert_eq!(
            class(
                r#"{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: 0a Error: Runtime exited with error: signal: killed"}"#
            ),
            FunctionFaultClass::Memory
        );
        assert_eq!(
            class(
                r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 0a Error: Runtime exited with error: signal: killed"}"#
            ),
            FunctionFaultClass::Memory
        );
        assert_eq!(
            class(r#"{"errorType":"Runtime.ExitError","errorMessage":"exit status 1"}"#),
            FunctionFaultClass::Error
        );
        assert_eq!(class("no json at all"), FunctionFaultClass::Error);
        assert_eq!(failed("[]").message, "it did not say why; see its log");
        assert_eq!(failed(r#"{"errorType":"a","errorMessage":"b\nc\u001b d"}"#).message, "a: b c d");
        assert!(failed(&format!(r#"{{"errorMessage":"{}"}}"#, "x".repeat(9_000))).message.len() <= LONGEST);
    }

    #[test]
    fn an_answer_that_is_no_response_is_a_fault_of_the_function() {
        let answer = Answer { payload: "null".into(), ..Answer::default() };
        assert_eq!(ending_of(&answer).unwrap_err().class, FunctionFaultClass::Error);
    }

    #[test]
    fn the_report_line_is_found_and_made_up_ones_are_not() {
        let log = "START RequestId: 0a\nREPORT RequestId: zz\tBilled Duration: 1 ms\nEND RequestId: 0a\n\
                   REPORT RequestId: 0a\tDuration: 9871.42 ms\tBilled Duration: 9990 ms\tMemory Size: 2048 MB\t\
                   Max Memory Used: 611 MB\tInit Duration: 118.30 ms\t\n";
        let report = Report::find(log).unwrap();
        assert_eq!(
            (report.billed_ms, report.memory_mb, report.max_memory_mb),
            (9_990.0, Some(2_048), Some(611))
        );
        let record = r#"{"time":"2026-11-22T10:00:00.000Z","type":"platform.report","record":{"requestId":"0a","metrics":{"durationMs":9871.42,"billedDurationMs":9990,"memorySizeMB":2048,"maxMemoryUsedMB":611,"initDurationMs":118.3}}}"#;
        assert_eq!(Report::find(&format!("cut off\n{record}\n")), Some(report));
        assert_eq!(Report::find(&record.replace("platform.report", "function")), None);
        for other in [
            "",
            "REPORT",
            "REPORT RequestId: 0a Billed Duration: NaN ms",
            "REPORT RequestId: 0a Billed Duration: 5 s",
        ] {
            assert_eq!(Report::find(other), None, "{other}");
        }
    }
}
