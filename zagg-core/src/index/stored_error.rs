//! Why something in a granule cannot be read, as an index keeps it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// Stands for where the granule was when the index was made, in front of what was wrong there.
const HERE: &str = "{granule}: ";

/// A fault of the granule itself: reading it again gives the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredError {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Input,
    Corrupt,
    Unsupported,
    NotFound,
}

impl StoredError {
    /// The fault of a granule read at `location`; `None` for one that may be gone the next time: of a transfer, of a plugin.
    pub fn new(error: &Error, location: &str) -> Option<Self> {
        let kind = match error.kind() {
            ErrorKind::Input => Kind::Input,
            ErrorKind::Corrupt => Kind::Corrupt,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::NotFound => Kind::NotFound,
            _ => return None,
        };
        let message = error.message().replace(&format!("{location}: "), HERE);
        Some(Self { kind, message })
    }

    /// The fault, of the same granule at another location.
    pub fn error(&self, location: &str) -> Error {
        let kind = match self.kind {
            Kind::Input => ErrorKind::Input,
            Kind::Corrupt => ErrorKind::Corrupt,
            Kind::Unsupported => ErrorKind::Unsupported,
            Kind::NotFound => ErrorKind::NotFound,
        };
        Error::new(kind, self.message.replace(HERE, &format!("{location}: ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_speaks_of_where_the_granule_is_now() {
        let error = Error::corrupt("/a/x.h5: /gt1l/h: chunk 3 is damaged");
        let stored = StoredError::new(&error, "/a/x.h5").unwrap();
        assert_eq!(stored.error("/a/x.h5"), error);
        let there = stored.error("s3://b/x.h5");
        assert_eq!(there.message(), "s3://b/x.h5: /gt1l/h: chunk 3 is damaged");
        assert_eq!(there.kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn what_may_pass_is_not_kept() {
        for error in [Error::io("x"), Error::temporary("x"), Error::changed("x"), Error::plugin("x")] {
            assert_eq!(StoredError::new(&error, "f"), None, "{error:?}");
        }
    }
}
