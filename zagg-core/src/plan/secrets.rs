//! What may be a key in an address, and has no place in a plan.

use crate::error::{Error, Result};
use crate::granule::Granule;

/// Beginnings and pieces of the names under which signed addresses carry keys, signatures and tokens: those of Amazon,
/// CloudFront, Google and Azure, and what others call theirs.
const NAMES: [&str; 12] = [
    "x-amz-",
    "x-goog-",
    "signature",
    "token",
    "accesskey",
    "access_key",
    "api_key",
    "apikey",
    "api-key",
    "key-pair-id",
    "secret",
    "password",
];

/// Parameters that are a key by their whole name.
const SHORT: [&str; 4] = ["sig", "key", "auth", "jwt"];

/// Checks that no address of a granule carries a key.
///
/// # Errors
/// Names the granule, and does not repeat the address.
pub(super) fn check(granule: &Granule) -> Result<()> {
    for (kind, href) in [("s3", &granule.s3), ("https", &granule.https), ("file", &granule.file)] {
        if href.as_deref().is_some_and(holds_key) {
            return Err(Error::input(format!(
                "granule {}: its {kind} address carries a key or a signature, which a plan never does; \
                 build the shard map with plain addresses",
                granule.id
            )));
        }
    }
    Ok(())
}

/// Whether an address names a user, or has a parameter that looks like a key.
fn holds_key(href: &str) -> bool {
    let Some((_, rest)) = href.split_once("://") else { return false };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let host = place.split(['/', '#']).next().unwrap_or_default();
    let is_key = |parameter: &str| {
        let name = parameter.split('=').next().unwrap_or_default().to_ascii_lowercase();
        SHORT.contains(&name.as_str()) || NAMES.iter().any(|piece| name.contains(piece))
    };
    host.contains('@') || query.split(['&', ';']).any(is_key)
}

/// Whether a text is the URL of a server and nothing more.
pub(super) fn is_plain_server(url: &str) -> bool {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).is_some_and(|rest| {
        !rest.is_empty() && !rest.contains(['@', '?', '#', '\\']) && !rest.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_keys_are_told_from_plain_ones() {
        for plain in [
            "s3://bucket/a@b.h5",
            "https://host/a@b.h5",
            "https://host/get?id=12&name=a.h5",
            "/data/what?token=1",
            "file:///data/a.h5",
        ] {
            assert!(!holds_key(plain), "{plain}");
        }
        for key in [
            "https://user:hush@host/a.h5",
            "https://user@host",
            "https://host/a.h5?X-Amz-Signature=hush",
            "https://host/a.h5?Expires=1&Key-Pair-Id=hush",
            "https://host/a.h5?sv=2024&sig=hush",
            "https://host/a.h5?a=b;ACCESS_TOKEN=hush",
        ] {
            assert!(holds_key(key), "{key}");
            let granule = Granule { id: "a.h5".into(), https: Some(key.into()), ..Granule::default() };
            let error = check(&granule).unwrap_err().to_string();
            assert!(error.contains("a.h5: its https") && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn servers_are_plain() {
        assert!(is_plain_server("https://s3.example.org") && is_plain_server("http://127.0.0.1:9000/"));
        for other in ["s3.example.org", "https://", "https://u:p@host", "http://host?x", "ftp://host"] {
            assert!(!is_plain_server(other), "{other}");
        }
    }
}
