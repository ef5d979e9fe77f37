use std::collections::HashMap;
use std::ffi::OsString;

use super::*;
use crate::earthdata::refreshed::system_clock;

fn login(variables: &[(&str, &str)]) -> Login {
    let variables: HashMap<String, OsString> =
        variables.iter().map(|(name, value)| (name.to_string(), OsString::from(value))).collect();
    let environment = Environment::from_variables(|name| variables.get(name).cloned());
    let server = reqwest::Url::parse("https://urs.earthdata.nasa.gov/").unwrap();
    Login::new(environment, server, Retries::default(), system_clock())
}

/// Who logs in, and where that is from.
fn way(variables: &[(&str, &str)]) -> Result<(String, String)> {
    let login = login(variables);
    login.way()?.ok_or_else(|| login.no_way()).map(|way| match way {
        Way::Token(token) => ("token".to_string(), token.expose().to_string()),
        Way::Password { username, password, from } => (format!("{username}:{}", password.expose()), from),
    })
}

#[test]
fn a_token_comes_before_a_password_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(if cfg!(windows) { "_netrc" } else { ".netrc" });
    let other = folder.path().join("other");
    std::fs::write(&file, "machine urs.earthdata.nasa.gov login ann password p4ss").unwrap();
    std::fs::write(&other, "default login bob password w0rd").unwrap();
    let home = [("HOME", folder.path().to_str().unwrap()), ("USERPROFILE", folder.path().to_str().unwrap())];
    let with = |more: &[(&str, &str)]| way(&[&home[..], more].concat()).unwrap();
    let (user, pass) = (("EARTHDATA_USERNAME", "eve"), ("EARTHDATA_PASSWORD", "s3cret"));
    assert_eq!(with(&[("EARTHDATA_TOKEN", "t0"), user, pass]), ("token".into(), "t0".into()));
    assert_eq!(with(&[user, pass]).0, "eve:s3cret");
    assert_eq!(with(&[user]), ("ann:p4ss".into(), file.display().to_string()));
    assert_eq!(with(&[("NETRC", other.to_str().unwrap())]), ("bob:w0rd".into(), other.display().to_string()));
}

#[test]
fn without_a_login_the_three_ways_are_named() {
    let error = way(&[("HOME", "no/such/folder"), ("USERPROFILE", "no/such/folder")]).unwrap_err();
    assert_eq!(error.kind(), zagg_core::ErrorKind::Input);
    for part in [
        "EARTHDATA_TOKEN",
        "EARTHDATA_USERNAME and EARTHDATA_PASSWORD",
        "\"machine urs.earthdata.nasa.gov login NAME password PASSWORD\"",
        "no/such/folder",
        "https://urs.earthdata.nasa.gov/users/new",
    ] {
        assert!(error.message().contains(part), "{part} in {error}");
    }
    let error = way(&[("EARTHDATA_USERNAME", "eve")]).unwrap_err();
    assert!(error.message().contains("EARTHDATA_USERNAME is set without EARTHDATA_PASSWORD"), "{error}");
    assert!(!login(&[]).is_configured() && login(&[("EARTHDATA_TOKEN", "t0")]).is_configured());
    assert!(login(&[("NETRC", "no/such/file")]).is_configured(), "so that its fault is told");
}

#[test]
fn faults_of_the_file_are_told_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("netrc");
    let path = file.to_str().unwrap();
    let fails = |content: &[u8]| {
        std::fs::write(&file, content).unwrap();
        way(&[("NETRC", path)]).unwrap_err().to_string()
    };
    assert_eq!(
        fails(b"machine urs.earthdata.nasa.gov\nlogin ann p4ss"),
        format!("NETRC names {path}: line 2: a word that is no keyword")
    );
    assert_eq!(fails(b"machine \xff\xfe p4ss"), format!("NETRC names {path}: is not UTF-8 text"));
    assert!(fails(&[b'x'; (1 << 20) + 1]).ends_with("is not a file of at most 1 MiB"));
    let error = way(&[("NETRC", folder.path().to_str().unwrap())]).unwrap_err().to_string();
    assert!(error.ends_with("is not a file of at most 1 MiB"), "{error}");
    let error = way(&[("NETRC", "no/such/file")]).unwrap_err().to_string();
    assert!(error.starts_with("NETRC names no/such/file: "), "{error}");
}

#[test]
fn nothing_of_a_login_shows() {
    let login = login(&[
        ("EARTHDATA_TOKEN", "t0ken"),
        ("EARTHDATA_USERNAME", "eve"),
        ("EARTHDATA_PASSWORD", "s3cret"),
    ]);
    let shown = format!("{login:?} {:?}", login.way());
    assert!(!shown.contains("t0ken") && !shown.contains("s3cret"), "{shown}");
}
