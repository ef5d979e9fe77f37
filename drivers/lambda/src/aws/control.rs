//! What Lambda says of functions and of the account.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::types;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::runtime::Runtime;
use zagg_core::{Error, Result};

use super::invoke::is_expired;
use super::{chain, http, ours};
use crate::cost::{Architecture, Sized};
use crate::ending::one_line;
use crate::preflight::{ASSUMED, AccountInfo, Answered, Control};

/// Asks Lambda.
#[derive(Debug)]
pub struct AwsControl<'a> {
    client: Client,
    runtime: &'a Runtime,
    /// Whether the endpoint may be an emulator, which knows no such questions.
    own_endpoint: bool,
}

impl<'a> AwsControl<'a> {
    /// Questions go through this client on this runtime. `own_endpoint`: the endpoint is not AWS's.
    pub fn new(client: Client, runtime: &'a Runtime, own_endpoint: bool) -> Self {
        Self { client, runtime, own_endpoint }
    }

    /// Judges a failed question. `must`: without the answer to it there is no run, unless it is the right to ask that is missing.
    fn failed<T, E>(&self, what: &str, must: bool, error: &SdkError<E, HttpResponse>) -> Result<Answered<T>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Some(own) = ours(error) {
            return Err(own.clone().context(what));
        }
        if let Some(fault) = http::fault_in(error) {
            return Err(Error::temporary(format!("{what}: {fault}")));
        }
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        let said = match (error.code(), error.message()) {
            (Some(code), Some(message)) => one_line(&format!("{code}: {message}")),
            _ => chain(error),
        };
        match (status, error.code()) {
            (_, code) if is_expired(code) => {
                Err(Error::temporary(format!("{what}: {said}; the AWS credentials have ended, renew them")))
            }
            (Some(403), None | Some("AccessDenied" | "AccessDeniedException")) => Ok(Answered::Denied(said)),
            (Some(403), _) => Err(Error::input(format!("{what}: {said}; check your AWS credentials"))),
            _ if self.own_endpoint => Ok(Answered::Silent),
            (Some(429 | 500..), _) if must => {
                Err(Error::temporary(format!("{what}: {said}; run again later")))
            }
            (Some(_), _) if !must => Ok(Answered::Denied(said)),
            (Some(404), _) => Err(Error::input(format!(
                "{what}: {said}; check --function and --region, or stand the function up first (deployment/aws/stand_up.sh)"
            ))),
            _ => Err(Error::input(format!("{what}: {said}"))),
        }
    }
}

/// How many times Lambda repeats a failed event where nobody has said otherwise.
const RETRIES_UNLESS_SAID: u64 = 2;

impl Control for AwsControl<'_> {
    fn function(&self, name: &str) -> Result<Answered<Sized>> {
        let asked = self.client.get_function_configuration().function_name(name).send();
        let found = match self.runtime.block_on(asked) {
            Ok(found) => found,
            Err(error) => return self.failed(&format!("function {name}"), true, &error),
        };
        let number = |value: Option<i32>, otherwise: u64| {
            value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0).unwrap_or(otherwise)
        };
        let architecture = match found.architectures().first() {
            Some(types::Architecture::Arm64) => Architecture::Arm64,
            _ => Architecture::X86_64,
        };
        Ok(Answered::Told(Sized {
            memory_mb: number(found.memory_size(), ASSUMED.memory_mb),
            architecture,
            timeout: number(found.timeout(), ASSUMED.timeout),
        }))
    }

    fn reserved(&self, name: &str) -> Result<Answered<Option<u64>>> {
        let asked = self.client.get_function_concurrency().function_name(name).send();
        match self.runtime.block_on(asked) {
            Ok(found) => {
                let reserved = found.reserved_concurrent_executions();
                Ok(Answered::Told(reserved.and_then(|n| u64::try_from(n).ok())))
            }
            Err(error) => self.failed(&format!("function {name}"), false, &error),
        }
    }

    fn event_retries(&self, name: &str) -> Result<Answered<u64>> {
        let asked = self.client.get_function_event_invoke_config().function_name(name).send();
        let error = match self.runtime.block_on(asked) {
            Ok(found) => {
                let said = found.maximum_retry_attempts().and_then(|n| u64::try_from(n).ok());
                return Ok(Answered::Told(said.unwrap_or(RETRIES_UNLESS_SAID)));
            }
            Err(error) => error,
        };
        // Nothing was set up, which is not the same as no retries. Who says so in Lambda's words is Lambda behind a private
        // endpoint, or as good as it; an emulator that does not know the question has no such code.
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        if status == Some(404) && (!self.own_endpoint || error.code() == Some("ResourceNotFoundException")) {
            return Ok(Answered::Told(RETRIES_UNLESS_SAID));
        }
        self.failed(&format!("function {name}"), false, &error)
    }

    fn account(&self) -> Result<Answered<AccountInfo>> {
        let asked = self.client.get_account_settings().send();
        let found = match self.runtime.block_on(asked) {
            Ok(found) => found,
            Err(error) => return self.failed("the account's limits", false, &error),
        };
        let Some(limits) = found.account_limit() else { return Ok(Answered::Silent) };
        let limit = u64::try_from(limits.concurrent_executions()).unwrap_or(0);
        let unreserved = limits.unreserved_concurrent_executions().and_then(|n| u64::try_from(n).ok());
        Ok(Answered::Told(AccountInfo { limit, unreserved: unreserved.unwrap_or(limit) }))
    }
}
