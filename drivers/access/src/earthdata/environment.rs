//! What the environment says of the Earthdata login, read once.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::secret::Secret;

/// The variables that concern Earthdata. Reading them touches no file and asks nobody.
///
/// | variable | meaning |
/// |---|---|
/// | `EARTHDATA_TOKEN` | a bearer token; nothing else is needed then |
/// | `EARTHDATA_USERNAME`, `EARTHDATA_PASSWORD` | the login; both or none |
/// | `NETRC` | a file in the place of `~/.netrc` (`~/_netrc` on Windows) |
/// | `ZAGG_EARTHDATA_URL` | another login server, such as the one for acceptance tests: `https://` only, but for loopback |
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub(super) token: Option<Secret>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) netrc: Option<PathBuf>,
    /// Whether the user named that file, so that it has to be there.
    pub(super) netrc_named: bool,
    pub(super) login_url: Option<String>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// That of made-up variables. Empty ones count as absent.
    pub fn from_variables(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        // What is not Unicode cannot be right and is refused by the server; it must not go unnoticed.
        let text = |name: &str| get(name).map(|value| value.to_string_lossy().into_owned());
        let named = get("NETRC").map(PathBuf::from);
        let (home, file) = if cfg!(windows) { ("USERPROFILE", "_netrc") } else { ("HOME", ".netrc") };
        let usual = get(home).map(|home| PathBuf::from(home).join(file));
        Self {
            token: text("EARTHDATA_TOKEN").as_deref().and_then(bare_token),
            username: text("EARTHDATA_USERNAME"),
            password: text("EARTHDATA_PASSWORD").map(Secret::new),
            netrc_named: named.is_some(),
            netrc: named.or(usual),
            login_url: text("ZAGG_EARTHDATA_URL"),
        }
    }
}

/// A token without the space around it and the word that some copy with it.
fn bare_token(text: &str) -> Option<Secret> {
    let text = text.trim();
    let text = match text.split_at_checked(7) {
        Some((word, rest)) if word.eq_ignore_ascii_case("bearer ") => rest.trim(),
        _ => text,
    };
    (!text.is_empty()).then(|| Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_once_and_shown_without_secrets() {
        let environment = Environment::from_variables(|name| {
            let value = match name {
                "EARTHDATA_TOKEN" => " Bearer t0ken\n",
                "EARTHDATA_USERNAME" => "ann",
                "EARTHDATA_PASSWORD" => "p4ss",
                "HOME" | "USERPROFILE" => "folder",
                "NETRC" => "",
                _ => return None,
            };
            Some(OsString::from(value))
        });
        assert_eq!(environment.token, Some(Secret::new("t0ken")));
        assert_eq!(environment.password, Some(Secret::new("p4ss")));
        let file = if cfg!(windows) { "_netrc" } else { ".netrc" };
        assert_eq!(environment.netrc, Some(PathBuf::from("folder").join(file)));
        assert!(!environment.netrc_named);
        let shown = format!("{environment:?}");
        assert!(shown.contains("ann") && !shown.contains("t0ken") && !shown.contains("p4ss"), "{shown}");
        assert_eq!(bare_token(" "), None);
        assert_eq!(bare_token("bearer"), Some(Secret::new("bearer")));
    }
}
