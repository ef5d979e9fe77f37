//! What Lambda says of functions and of the account.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::types;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::runtime::Runtime;
use zagg_core::{Error, Result};

use super::{chain, http, ours};
use crate::cost::{Architecture, Sized};
use crate::ending::one_line;
use crate::preflight::{ASSUMED, AccountInfo, Control, FunctionInfo};

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

    /// Judges a failed question: none where it may stay unanswered.
    fn failed<E>(&self, what: &str, must: bool, error: &SdkError<E, HttpResponse>) -> Result<()>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Some(own) = ours(error) {
            return Err(own.clone().context(what));
        }
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        if let Some(fault) = http::fault_in(error) {
            return Err(Error::temporary(format!("{what}: {fault}")));
        }
        if (self.own_endpoint && !matches!(status, Some(403))) || (!must && status.is_some()) {
            return Ok(());
        }
        let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
        let said = meta.and_then(|meta| Some(format!("{}: {}", meta.code()?, meta.message()?)));
        let said = said.map_or_else(|| chain(error), |said| one_line(&said));
        let advice = match status {
            Some(403) => {
                "; your AWS credentials must allow lambda:GetFunctionConfiguration and lambda:InvokeFunction"
            }
            Some(404) => {
                "; check --function and --region, or stand the function up first (deployment/aws/stand_up.sh)"
            }
            _ => "",
        };
        Err(Error::input(format!("{what}: {said}{advice}")))
    }
}

impl Control for AwsControl<'_> {
    fn function(&self, name: &str) -> Result<Option<FunctionInfo>> {
        let what = format!("function {name}");
        let asked = self.client.get_function_configuration().function_name(name).send();
        let found = match self.runtime.block_on(asked) {
            Ok(found) => found,
            Err(error) => return self.failed(&what, true, &error).map(|()| None),
        };
        let number = |value: Option<i32>, otherwise: u64| {
            value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0).unwrap_or(otherwise)
        };
        let architecture = match found.architectures().first() {
            Some(types::Architecture::Arm64) => Architecture::Arm64,
            _ => Architecture::X86_64,
        };
        let sized = Sized {
            memory_mb: number(found.memory_size(), ASSUMED.memory_mb),
            architecture,
            timeout: number(found.timeout(), ASSUMED.timeout),
        };
        let asked = self.client.get_function_concurrency().function_name(name).send();
        let reserved = match self.runtime.block_on(asked) {
            Ok(found) => found.reserved_concurrent_executions().and_then(|n| u64::try_from(n).ok()),
            Err(error) => self.failed(&what, false, &error).map(|()| None)?,
        };
        Ok(Some(FunctionInfo { sized, reserved }))
    }

    fn account(&self) -> Result<Option<AccountInfo>> {
        let asked = self.client.get_account_settings().send();
        let found = match self.runtime.block_on(asked) {
            Ok(found) => found,
            Err(error) => return self.failed("the account's limits", false, &error).map(|()| None),
        };
        let Some(limits) = found.account_limit() else { return Ok(None) };
        let limit = u64::try_from(limits.concurrent_executions()).unwrap_or(0);
        let unreserved = limits.unreserved_concurrent_executions().and_then(|n| u64::try_from(n).ok());
        Ok(Some(AccountInfo { limit, unreserved: unreserved.unwrap_or(limit) }))
    }
}
