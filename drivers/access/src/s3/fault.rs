//! From the failure of a request to what to do about it.

use std::error::Error as _;

use object_store::client::HttpError;
use zagg_core::Error;

use super::connect::Seen;
use super::keys::{Keys, ours};
use crate::client::chain;

/// What follows from a failed request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The keys have expired or are unknown: others may do.
    Renew(Error),
    /// The bucket is in another region, which may have been named.
    Move(Error),
    /// Nothing more can be done.
    Final(Error),
}

/// Codes of keys that were good once, or never.
const STALE: [&str; 6] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "InvalidAccessKeyId",
    "TokenRefreshRequired",
    "InvalidSecurity",
];

/// Judges the failure of a request for `location`; `ranged` when it asked for a part of an object.
pub(super) fn judge(
    error: &object_store::Error,
    seen: &Seen,
    location: &str,
    ranged: bool,
    keys: Option<&dyn Keys>,
) -> Verdict {
    if let Some(error) = ours(error) {
        return Verdict::Final(error.context(location));
    }
    let code = seen.code.as_deref().unwrap_or_default();
    let Some(status) = seen.status else {
        let why = seen.failure.clone().unwrap_or_else(|| chain(error));
        return Verdict::Final(Error::temporary(format!("{location}: {why}; run again later")));
    };
    match (status, code) {
        (200..=299, _) => Verdict::Final(broken_answer(error, seen, location, ranged)),
        (301 | 307 | 308, _)
        | (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            Verdict::Move(Error::input(format!(
                "{location}: the bucket is in another region, which the server does not name; set region"
            )))
        }
        // A mistyped bucket is no absent object: what looks for one must not take it for an answer.
        (404, "NoSuchBucket") => {
            Verdict::Final(Error::input(format!("{location}: there is no such bucket; check its name")))
        }
        (404, _) => Verdict::Final(Error::not_found(format!("{location}: no such object"))),
        (412, _) => Verdict::Final(changed(location)),
        (400..=499, code) if STALE.contains(&code) => Verdict::Renew(denied(location, code, keys)),
        (403, "RequestTimeTooSkewed") => Verdict::Final(Error::input(format!(
            "{location}: the clock of this machine is wrong, so that requests are refused; set it"
        ))),
        (401 | 403, code) => Verdict::Final(denied(location, code, keys)),
        (501, _) => Verdict::Final(Error::unsupported(format!(
            "{location}: the server does not know this request (status 501); use another one that speaks S3"
        ))),
        (408 | 429 | 500.., _) => Verdict::Final(Error::temporary(format!(
            "{location}: the server is overloaded or failing (status {status}); run again later"
        ))),
        (_, "") => Verdict::Final(Error::io(format!("{location}: the server refused with status {status}"))),
        (_, code) => {
            Verdict::Final(Error::io(format!("{location}: the server refused with {code}, status {status}")))
        }
    }
}

/// The object is not the one that was opened.
pub(super) fn changed(location: &str) -> Error {
    Error::changed(format!("{location}: was replaced since it was opened; run again to read the new one"))
}

fn denied(location: &str, code: &str, keys: Option<&dyn Keys>) -> Error {
    let code = if code.is_empty() { String::new() } else { format!(" ({code})") };
    Error::input(match keys {
        Some(keys) => format!("{location}: access denied with {}{code}; {}", keys.whose(), keys.advice()),
        None => format!(
            "{location}: access denied without credentials{code}; the bucket is not public: leave out credentials: anonymous"
        ),
    })
}

/// The answer came, and then failed or contradicted itself.
fn broken_answer(error: &object_store::Error, seen: &Seen, location: &str, ranged: bool) -> Error {
    let mut cause = error.source();
    let mut lost = false;
    while let Some(error) = cause {
        lost = lost || error.is::<HttpError>();
        cause = error.source();
    }
    let whole = seen.status == Some(200);
    // Where all of an object is asked for, a range is asked for only after its answer broke off.
    if lost || (whole && !ranged && seen.ranged) {
        return Error::temporary(format!(
            "{location}: the connection was lost within an answer; run again later"
        ));
    }
    if whole && ranged {
        return Error::unsupported(format!("{location}: the server sends whole objects only, no ranges"));
    }
    Error::corrupt(format!("{location}: the server contradicts itself: {}", chain(error)))
}
