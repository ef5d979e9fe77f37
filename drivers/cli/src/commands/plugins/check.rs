//! `zagg plugins check`: what is wrong with a shared library.
//!
//! Each thing that the library offers is tried in a process of its own, because a crash or an endless loop cannot be
//! caught in the process that has it.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zagg_core::{Error, Result};

use crate::args::Format;
use crate::args::plugins::CheckArgs;
use crate::failure::{Failure, INCOMPLETE};
use crate::output;

/// How often a process is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// What was found of one thing that the library offers.
#[derive(Debug, Default)]
struct Checked {
    name: String,
    findings: Vec<String>,
    notes: Vec<String>,
}

pub(super) fn run(args: &CheckArgs) -> Result<u8, Failure> {
    let entries = match probe(args, None)? {
        Probed::Answered(mut answer) => match answer["entries"].take() {
            Value::Array(entries) => entries,
            _ => {
                let why = answer["refused"].as_str().unwrap_or("it gives no list of what it offers");
                return Err(Error::input(why).into());
            }
        },
        Probed::Ended(how) => {
            return Err(
                Error::plugin(format!("{}: loading it, the process {how}", args.file.display())).into()
            );
        }
    };
    let mut all = Vec::with_capacity(entries.len());
    for (number, entry) in entries.iter().enumerate() {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let mut checked =
            Checked { name: format!("{} {}", text("kind"), text("name")), ..Checked::default() };
        match probe(args, Some(number))? {
            Probed::Answered(answer) => {
                checked.findings = lines(&answer["findings"]);
                checked.notes = lines(&answer["notes"]);
                checked.findings.extend(answer["refused"].as_str().map(str::to_owned));
            }
            Probed::Ended(how) => checked.findings.push(format!("the process {how}")),
        }
        all.push(checked);
    }
    print(args, &all)?;
    Ok(if all.iter().all(|checked| checked.findings.is_empty()) { 0 } else { INCOMPLETE })
}

fn lines(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn print(args: &CheckArgs, all: &[Checked]) -> Result<(), Failure> {
    let findings: usize = all.iter().map(|checked| checked.findings.len()).sum();
    let library = args.file.display();
    if args.format == Format::Json {
        let entries: Vec<Value> =
            all.iter().map(|c| json!({"name": c.name, "findings": c.findings, "notes": c.notes})).collect();
        return output::json(&json!({"library": args.file, "sound": findings == 0, "entries": entries}));
    }
    let mut text = Vec::new();
    for checked in all {
        let verdict = match checked.findings.len() {
            0 if checked.notes.is_empty() => "sound".to_owned(),
            0 => "nothing found".to_owned(),
            1 => "1 finding".to_owned(),
            n => format!("{n} findings"),
        };
        text.push(format!("{}: {verdict}", checked.name));
        text.extend(checked.findings.iter().map(|finding| format!("  {finding}")));
        text.extend(checked.notes.iter().map(|note| format!("  note: {note}")));
    }
    let findings = if findings == 1 { "1 finding".to_owned() } else { format!("{findings} findings") };
    let entries = if all.len() == 1 { "1 entry".to_owned() } else { format!("{} entries", all.len()) };
    text.push(format!("{library}: {findings} in {entries}"));
    output::data(&text.join("\n"))
}

/// How a probe ended.
enum Probed {
    Answered(Value),
    /// Without an answer: how, as the end of a sentence about the process.
    Ended(String),
}

/// Runs this program again, for one step.
fn probe(args: &CheckArgs, entry: Option<usize>) -> Result<Probed> {
    let failed = |error: std::io::Error| Error::from_io(&error, "a process for the check");
    let folder = tempfile::tempdir().map_err(failed)?;
    let (report, trace) = (folder.path().join("report"), folder.path().join("trace"));
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(["plugins", "probe"]).arg(&args.file);
    for config in &args.samples.config {
        command.arg("--config").arg(config);
    }
    for granule in &args.samples.granule {
        command.arg("--granule").arg(granule);
    }
    if let Some(entry) = entry {
        command.arg("--entry").arg(entry.to_string());
    }
    command.arg("--report").arg(&report).arg("--trace").arg(&trace);
    // What the plugin prints is its own affair.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(failed)?;
    let status = wait(child, Duration::from_secs(args.timeout)).map_err(failed)?;
    let within = method(&trace).map(|method| format!(" in {method}")).unwrap_or_default();
    let Some(status) = status else {
        return Ok(Probed::Ended(format!("did not end within {} s{within}", args.timeout)));
    };
    let answer = std::fs::read(&report).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(match answer {
        Some(answer) => Probed::Answered(answer),
        None => Probed::Ended(format!("ended with {}{within}", how(status))),
    })
}

/// Waits for a process; one that takes too long is stopped, and has no status.
fn wait(mut child: Child, timeout: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= timeout {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The method that was called last.
fn method(trace: &Path) -> Option<String> {
    let text = std::fs::read_to_string(trace).ok()?;
    let method = text.trim();
    (!method.is_empty()).then(|| method.to_owned())
}

#[cfg(unix)]
fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(6) => "signal 6, an abort".to_owned(),
        Some(11) => "signal 11, a memory error".to_owned(),
        Some(signal) => format!("signal {signal}"),
        None => status.to_string(),
    }
}

#[cfg(not(unix))]
fn how(status: ExitStatus) -> String {
    status.to_string()
}
