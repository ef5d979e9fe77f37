//! Serves the files of a folder on loopback behind a latency, for benchmarks of readers.
//!
//! `range-server FOLDER [--latency-ms N] [--bytes-per-second N] [--port N]` prints its URL and then, on every line that
//! comes in, `requests bytes connections` since the last one. It ends with its input.

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::Duration;

use zagg_tests::http_server::{Fault, Objects, Rule, Server};

const USAGE: &str = "usage: range-server FOLDER [--latency-ms N] [--bytes-per-second N] [--port N]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut folder = None;
    let mut port = 0;
    let objects = Objects::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().ok_or(USAGE)?;
            text.parse::<u64>().map_err(|_| format!("{argument} {text}: not a number"))
        };
        match argument.as_str() {
            "--latency-ms" => objects.rule(Rule::new(Fault::Latency(Duration::from_millis(number()?)))),
            "--bytes-per-second" => objects.rule(Rule::new(Fault::Pace(number()?))),
            "--port" => port = u16::try_from(number()?).map_err(|_| USAGE)?,
            _ if folder.is_none() && !argument.starts_with('-') => folder = Some(argument),
            _ => return Err(USAGE.to_string()),
        }
    }
    objects.folder(folder.ok_or(USAGE)?);
    let server = Server::start_at(port, objects);
    say(&server.url())?;
    let mut connections = 0;
    for line in std::io::stdin().lock().lines() {
        line.map_err(|error| error.to_string())?;
        let log = server.take_log();
        let bytes: u64 = log.iter().map(|logged| logged.bytes).sum();
        let before = std::mem::replace(&mut connections, server.connections());
        say(&format!("{} {bytes} {}", log.len(), connections - before))?;
    }
    Ok(())
}

fn say(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}
