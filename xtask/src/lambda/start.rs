//! How long the function takes to start, measured from outside: it gets its first event from a runtime API of ours, and the event
//! names a plan in a bucket of ours.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::Result;
use crate::process::command;

/// How long anything may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// A task, as the dispatcher sends it.
const EVENT: &str = r#"{"version":1,"mode":"process","run":"start","holder":"plan","plan":{"uri":"s3://bucket/out.zarr.zagg/work","digest":"0000000000000000000000000000000000000000000000000000000000000000"},"tasks":[{"index":0}]}"#;

/// Times since the process was started.
#[derive(Debug, Clone, Copy)]
struct Start {
    /// The function asked for its first event.
    asked: Duration,
    /// It has accepted the task and asks for the task's plan, which is the first that it needs.
    accepted: Duration,
}

/// Median and slowest of some starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Starts {
    /// Until the first event was asked for.
    pub(super) asked: (Duration, Duration),
    /// Until the first task was accepted.
    pub(super) accepted: (Duration, Duration),
}

/// Starts the function so many times, at least once, and prints what that took.
pub(super) fn measure(binary: &Path, times: usize) -> Result<Starts> {
    let starts = (0..times.max(1)).map(|_| once(binary)).collect::<Result<Vec<_>>>()?;
    let found = Starts {
        asked: middle_and_last(starts.iter().map(|start| start.asked)),
        accepted: middle_and_last(starts.iter().map(|start| start.accepted)),
    };
    for (what, (median, slowest)) in
        [("first event asked for", found.asked), ("first task accepted", found.accepted)]
    {
        println!("start to {what}: median {median:.1?}, slowest of {} {slowest:.1?}", starts.len());
    }
    Ok(found)
}

fn middle_and_last(times: impl Iterator<Item = Duration>) -> (Duration, Duration) {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() - 1])
}

fn once(binary: &Path) -> Result<Start> {
    let failed = |error: std::io::Error| format!("{}: {error}", binary.display());
    let listen = || TcpListener::bind("127.0.0.1:0").and_then(|at| at.local_addr().map(|to| (at, to)));
    let (runtime, runtime_address) = listen().map_err(failed)?;
    let (store, store_address) = listen().map_err(failed)?;
    let mut program = command(binary);
    // Nothing of this machine's own, above all no proxy and no credentials.
    program.env_clear().env("AWS_LAMBDA_RUNTIME_API", runtime_address.to_string());
    program.env("AWS_LAMBDA_FUNCTION_NAME", "process-shard").env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    program.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048").env("MALLOC_ARENA_MAX", "2");
    program.env("AWS_ENDPOINT_URL_S3", format!("http://{store_address}")).env("AWS_REGION", "us-west-2");
    program.env("AWS_ACCESS_KEY_ID", "nobody").env("AWS_SECRET_ACCESS_KEY", "nothing");
    let start = Instant::now();
    let mut process = program.spawn().map_err(failed)?;
    let measured = watch(start, &runtime, &store, &mut process);
    let _ = process.kill();
    let _ = process.wait();
    measured
}

fn watch(start: Instant, runtime: &TcpListener, store: &TcpListener, process: &mut Child) -> Result<Start> {
    // It asks for nothing else first, so that the first connection is the one.
    let mut connection = wait(runtime, process, "an event")?;
    let asked = start.elapsed();
    give(&mut connection).map_err(|error| format!("giving the function an event: {error}"))?;
    wait(store, process, "the plan of its task")?;
    Ok(Start { asked, accepted: start.elapsed() })
}

/// The first connection to a listener.
fn wait(listener: &TcpListener, process: &mut Child, what: &str) -> Result<TcpStream> {
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Ok((connection, _)) = listener.accept() {
            return Ok(connection);
        }
        if let Ok(Some(status)) = process.try_wait() {
            return Err(format!("the function ended before it asked for {what}: {status}"));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Err(format!("the function did not ask for {what} within {} s", PATIENCE.as_secs()))
}

/// Answers the request for the next event, as the runtime API of AWS Lambda does.
fn give(connection: &mut TcpStream) -> std::io::Result<()> {
    connection.set_nonblocking(false)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => request.extend_from_slice(&piece[..read]),
        }
    }
    if !request.starts_with(b"GET /2018-06-01/runtime/invocation/next ") {
        return Err(std::io::Error::other("it asked for something else"));
    }
    let deadline = std::time::SystemTime::now() + Duration::from_secs(900);
    let deadline = deadline.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    let arn = "arn:aws:lambda:us-west-2:123456789012:function:process-shard";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nLambda-Runtime-Aws-Request-Id: \
         8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: {arn}\r\nLambda-Runtime-Trace-Id: Root=1-0-0\r\n\r\n{EVENT}",
        EVENT.len()
    );
    connection.write_all(answer.as_bytes())
}
