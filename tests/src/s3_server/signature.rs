//! Signatures of requests, version 4.

use sha2::{Digest, Sha256};

use crate::http_server::Request;

/// What a request says of its signature.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) key_id: String,
    pub(super) region: String,
    date: String,
    headers: String,
    signature: String,
}

impl Signed {
    /// What stands in the header `Authorization`; none in a request without a signature.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let text = request.header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field = |name: &str| {
            let mut fields = text.split(',').map(str::trim);
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).map(str::to_string)
        };
        let scope = field("Credential")?;
        let mut scope = scope.split('/').map(str::to_string);
        let (key_id, date, region) = (scope.next()?, scope.next()?, scope.next()?);
        Some(Self { key_id, region, date, headers: field("SignedHeaders")?, signature: field("Signature")? })
    }

    /// Whether the signature was made with this secret, over this request.
    pub(super) fn is_sound(&self, request: &Request, secret: &str) -> bool {
        let Some(hash) = request.header("x-amz-content-sha256") else { return false };
        if hash != "UNSIGNED-PAYLOAD" && hash != digest(&request.body) {
            return false;
        }
        let must_be_signed = |name: &str| name == "host" || name.starts_with("x-amz-");
        let names: Vec<&str> = self.headers.split(';').collect();
        if request.headers.iter().any(|(name, _)| must_be_signed(name) && !names.contains(&name.as_str())) {
            return false;
        }
        let mut query: Vec<&str> = request.query.split('&').filter(|pair| !pair.is_empty()).collect();
        query.sort_unstable();
        let headers: String = names
            .iter()
            .map(|name| format!("{name}:{}\n", request.header(name).unwrap_or_default().trim()))
            .collect();
        let canonical =
            [&request.method, &request.path, &query.join("&"), &headers, &self.headers, hash].join("\n");
        let scope = format!("{}/{}/s3/aws4_request", self.date, self.region);
        let time = request.header("x-amz-date").unwrap_or_default();
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", digest(canonical.as_bytes()));
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [self.date.as_str(), &self.region, "s3", "aws4_request"] {
            key = hmac(&key, part.as_bytes()).to_vec();
        }
        hex(&hmac(&key, text.as_bytes())) == self.signature
    }
}

/// HMAC with SHA-256 (RFC 2104).
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

/// SHA-256 in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_reference_is_sound() {
        // "Example: GET Object" of the Amazon S3 API reference.
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("x-amz-date", "20130524T000000Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                 SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
                 Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
        ];
        let request = Request {
            method: "GET".into(),
            path: "/test.txt".into(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            ..Request::default()
        };
        let signed = Signed::of(&request).unwrap();
        assert_eq!((signed.key_id.as_str(), signed.region.as_str()), ("AKIAIOSFODNN7EXAMPLE", "us-east-1"));
        assert!(signed.is_sound(&request, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
        assert!(!signed.is_sound(&request, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEX"));
        assert!(!signed.is_sound(
            &Request { path: "/other.txt".into(), ..request },
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        ));
    }
}
