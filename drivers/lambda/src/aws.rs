//! AWS Lambda itself, through the AWS SDK.
//!
//! Of the SDK's own defaults none is left: credentials are those of the environment as the store's, requests go over an HTTP
//! client with the settings that long calls need, and nothing is repeated but by the dispatcher.

mod control;
mod http;
mod invoke;

use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::config::{
    BehaviorVersion, Credentials, IdentityCache, ProvideCredentials, Region, StalledStreamProtectionConfig,
};
use zagg_access::AmbientKeys;
use zagg_core::{Error, Result};

pub use control::AwsControl;
pub use invoke::AwsInvoke;

/// Where Lambda is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: String,
    /// Another endpoint than the region's own: an emulator, or a private one.
    pub endpoint_url: Option<String>,
}

/// The region of an endpoint that is not of AWS, for signatures that nobody checks.
const SOME_REGION: &str = "us-east-1";

impl Place {
    /// The place that arguments and environment name: `AWS_REGION` or `AWS_DEFAULT_REGION`, and `AWS_ENDPOINT_URL_LAMBDA` or
    /// `AWS_ENDPOINT_URL`.
    ///
    /// # Errors
    /// When no region is named, or the endpoint is no URL of a server.
    pub fn new(
        region: Option<&str>,
        endpoint_url: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let endpoint_url = endpoint_url
            .map(str::to_string)
            .or_else(|| variable("AWS_ENDPOINT_URL_LAMBDA"))
            .or_else(|| variable("AWS_ENDPOINT_URL"));
        if let Some(url) = &endpoint_url {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            let plain = |rest: &str| {
                !rest.is_empty() && !rest.contains(['@', '?', '#']) && !rest.contains(char::is_whitespace)
            };
            if !rest.is_some_and(plain) {
                return Err(Error::input("the endpoint of Lambda is no URL such as http://127.0.0.1:9000"));
            }
        }
        let region = region
            .map(str::to_string)
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .or_else(|| endpoint_url.as_ref().map(|_| SOME_REGION.to_string()))
            .ok_or_else(|| {
                Error::input("no region of the function; give --region such as us-west-2, or set AWS_REGION")
            })?;
        let plain =
            |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if region.is_empty() || region.len() > 40 || !plain(&region) {
            return Err(Error::input(format!(
                "{region:?} is not the name of a region; give one such as us-west-2"
            )));
        }
        Ok(Self { region, endpoint_url })
    }

    /// Whether the endpoint is on this machine, where no proxy is asked.
    fn is_here(&self) -> bool {
        let url = self.endpoint_url.as_deref().unwrap_or_default();
        let host = url.split_once("://").map_or("", |(_, rest)| rest);
        ["localhost", "127.", "[::1]"].iter().any(|here| host.starts_with(here))
    }

    /// A client for this place that signs with the keys of the environment, asked for with each request. Asks for nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn client(&self, keys: AmbientKeys) -> Result<Client> {
        self.client_of(Ambient(keys))
    }

    /// A client for this place that signs with these keys.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn client_with(&self, key_id: &str, secret_key: &str) -> Result<Client> {
        self.client_of(Credentials::new(key_id, secret_key, None, None, "zagg"))
    }

    fn client_of(&self, credentials: impl ProvideCredentials + 'static) -> Result<Client> {
        let mut config = aws_sdk_lambda::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(credentials)
            // Whoever gives them knows when they end, and keeps them until then; the SDK would keep them a quarter of an hour.
            .identity_cache(IdentityCache::no_cache())
            .http_client(http::Connector::new(self.is_here())?)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(url) = &self.endpoint_url {
            config = config.endpoint_url(url);
        }
        Ok(Client::from_conf(config.build()))
    }
}

/// The credentials of the environment, for the SDK.
struct Ambient(AmbientKeys);

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ambient")
    }
}

impl ProvideCredentials for Ambient {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let keys = self.0.get().await.map_err(CredentialsError::provider_error)?;
            let token = keys.session_token.map(|token| token.expose().to_string());
            Ok(Credentials::new(keys.key_id, keys.secret_key.expose(), token, None, "zagg"))
        })
    }
}

/// An error of ours among the causes of another.
fn ours<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// An error with its causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    crate::ending::one_line(&text)
}

#[cfg(test)]
mod tests;
