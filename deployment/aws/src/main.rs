//! The program that Lambda starts: it asks for events, one after the other, and answers them.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod older_glibc;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use zagg_function::{Failure, Function, Invocation, Log, Machine, PLUGIN_PATH, registry};

/// What Lambda sets in every environment, and the loop cannot do without.
const NEEDED: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// An error as Lambda reports it: `errorType` and `errorMessage`.
#[derive(Debug)]
struct Reported(Failure);

impl From<Reported> for Diagnostic {
    fn from(Reported(failure): Reported) -> Self {
        Self { error_type: format!("Zagg.{}", failure.kind), error_message: failure.message }
    }
}

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // On standard error, which Lambda collects, too.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("error: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), String> {
    if let Some(name) = NEEDED.iter().find(|name| std::env::var_os(name).is_none()) {
        return Err(format!("{name} is not set: this program is started by AWS Lambda, not by hand"));
    }
    // What is wrong from the start is told to everybody who asks, a ping too: an environment that ends at once is started again
    // and again, and says nothing but that it ended.
    let function = registry(std::env::var_os(PLUGIN_PATH).as_deref())
        .and_then(|registry| Function::new(registry, Machine::of_process(), Log::of_process()))
        .map(Arc::new)
        .map_err(|error| format!("the function cannot start: {error}"));
    // Tasks run on threads of their own; this one only talks to Lambda.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("starting threads: {error}"))?;
    let handler = service_fn(move |event| answer(function.clone(), event));
    runtime.block_on(lambda_runtime::run(handler)).map_err(|error| error.to_string())
}

async fn answer(
    function: Result<Arc<Function>, String>,
    event: LambdaEvent<Value>,
) -> Result<Value, Reported> {
    let failed = |message: String| Reported(Failure { kind: "Function", message });
    let function = function.map_err(failed)?;
    let deadline = deadline(event.context.deadline, SystemTime::now());
    let invocation = Invocation { request_id: event.context.request_id.clone(), deadline };
    let bytes = serde_json::to_vec(&event.payload).map_err(|error| failed(error.to_string()))?;
    drop(event);
    let work = tokio::task::spawn_blocking(move || function.handle(&bytes, &invocation));
    work.await.map_err(|error| failed(error.to_string()))?.map_err(Reported)
}

/// When an invocation is killed, from the milliseconds that the runtime API gives: since 1970, as Lambda counts them, or from now
/// on, as `cargo lambda watch` does.
fn deadline(milliseconds: u64, now: SystemTime) -> SystemTime {
    // Half a year: longer than any invocation, and long before Lambda.
    const LEAST: u64 = 180 * 86_400 * 1000;
    let from = if milliseconds < LEAST { now } else { UNIX_EPOCH };
    from.checked_add(Duration::from_millis(milliseconds)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_date_or_a_span() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert_eq!(deadline(1_800_000_900_000, now), now + Duration::from_secs(900));
        assert_eq!(deadline(600_000, now), now + Duration::from_secs(600));
        assert_eq!(deadline(1_799_999_000_000, now), now - Duration::from_secs(1000));
        assert!(deadline(u64::MAX, now) >= now);
    }
}
