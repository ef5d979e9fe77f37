//! Calls of functions.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::base64;
use serde_json::Value;
use zagg_access::AmbientKeys;
use zagg_core::ErrorKind;

use super::{chain, http, ours};
use crate::ending::one_line;
use crate::invoke::{Answer, Call, Called, Fault, FaultClass, Invoke};

/// Calls functions of AWS Lambda, or of an emulator.
#[derive(Debug, Clone)]
pub struct AwsInvoke {
    client: Client,
    keys: Option<AmbientKeys>,
}

impl AwsInvoke {
    /// Calls go through this client, made by [`Place::client`](super::Place::client).
    pub fn new(client: Client) -> Self {
        Self { client, keys: None }
    }

    /// The same, where these keys sign: they hear of it when they have ended.
    #[must_use]
    pub fn signed_by(self, keys: AmbientKeys) -> Self {
        Self { keys: Some(keys), ..self }
    }
}

impl Invoke for AwsInvoke {
    fn invoke(&self, call: Call) -> Called {
        let request = self.client.invoke().function_name(&*call.function).payload(Blob::new(call.event));
        // Only an answer that is waited for has the end of the log.
        let request = match call.queued {
            true => request.invocation_type(InvocationType::Event),
            false => request.invocation_type(InvocationType::RequestResponse).log_type(LogType::Tail),
        };
        let keys = self.keys.clone();
        Box::pin(async move {
            match request.send().await {
                Ok(output) => Ok(answer(output)),
                Err(error) => {
                    if let Some(keys) = keys.filter(|_| is_expired(error.code())) {
                        keys.ended();
                    }
                    judge(&error)
                }
            }
        })
    }
}

fn answer(output: InvokeOutput) -> Answer {
    let log = output.log_result.and_then(|log| base64::decode(log).ok());
    Answer {
        failed: output.function_error.is_some(),
        payload: output.payload.map(|payload| payload.into_inner().into()).unwrap_or_default(),
        log: log.map(|log| String::from_utf8_lossy(&log).into_owned()),
    }
}

fn judge(error: &SdkError<InvokeError, HttpResponse>) -> Result<Answer, Fault> {
    if let Some(fault) = http::fault_in(error) {
        return Err(fault);
    }
    if let Some(own) = ours(error) {
        // Credentials that are not to be had now may be so later.
        let class = match own.kind() {
            ErrorKind::Temporary | ErrorKind::Io => FaultClass::Unsent,
            _ => FaultClass::Denied,
        };
        return Err(Fault::new(class, own.message()));
    }
    match error {
        SdkError::ServiceError(service) => of_service(service.err(), service.raw()),
        SdkError::ConstructionFailure(_) => Err(Fault::new(FaultClass::Denied, chain(error))),
        // Whatever it is, the event may have arrived.
        _ => Err(Fault::new(FaultClass::Lost, chain(error))),
    }
}

fn of_service(error: &InvokeError, raw: &HttpResponse) -> Result<Answer, Fault> {
    let status = raw.status().as_u16();
    let body = raw.body().bytes().unwrap_or_default();
    if status >= 500 && raw.headers().get("x-amzn-errortype").is_none() && is_of_function(body) {
        // An emulator says so that the function failed; AWS itself names the type of its errors in that header.
        return Ok(Answer { failed: true, payload: body.to_vec().into(), log: None });
    }
    let meta = error.meta();
    let said = match (meta.code(), meta.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one.to_string(),
        (None, None) => "no reason given".to_string(),
    };
    let said = one_line(&format!("status {status}, {said}"));
    let class = match status {
        429 => FaultClass::Throttled,
        // The keys that signed have ended, and whoever gives them has others by and by. Nothing has run.
        _ if is_expired(meta.code()) => FaultClass::Unsent,
        // The function is being made or changed.
        409 | 500.. => FaultClass::Busy,
        _ => FaultClass::Denied,
    };
    let message = match status {
        _ if is_expired(meta.code()) => {
            format!("{said}; the AWS credentials of this machine have ended, renew them")
        }
        403 => format!(
            "{said}; check that your AWS credentials may call it (lambda:InvokeFunction) and have not ended"
        ),
        404 => format!("{said}; check the function's name and --region"),
        _ => said,
    };
    Err(Fault::new(class, message))
}

/// Whether a code says that a temporary key has ended.
pub(super) fn is_expired(code: Option<&str>) -> bool {
    matches!(code, Some("ExpiredToken" | "ExpiredTokenException"))
}

/// Whether a body is what the runtime of a function says of its failure.
fn is_of_function(body: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    value.get("errorType").is_some() || value.get("errorMessage").is_some()
}
