use proptest::prelude::*;

use super::*;

const URS: &str = "urs.earthdata.nasa.gov";

fn entry(login: &str, password: &str) -> Option<Entry> {
    Some(Entry { login: login.to_string(), password: Secret::new(password) })
}

#[test]
fn the_ways_to_write_an_entry() {
    for text in [
        "machine urs.earthdata.nasa.gov login ann password s3cret",
        "machine urs.earthdata.nasa.gov\n\tlogin ann\n\tpassword s3cret\n",
        "\u{feff}machine\r\nURS.earthdata.nasa.gov\r\npassword s3cret\r\nlogin ann\r\n",
        "machine other login x password y\nmachine urs.earthdata.nasa.gov login ann account z password s3cret",
        "# machine urs.earthdata.nasa.gov login no password no\nmachine urs.earthdata.nasa.gov login ann # me\n password s3cret",
        "machine \"urs.earthdata.nasa.gov\" login \"ann\" password \"s3cret\"",
        "default login ann password s3cret",
        "default login x password y\nmachine urs.earthdata.nasa.gov login ann password s3cret",
        "macdef init\ncd /pub\nmachine urs.earthdata.nasa.gov login no password no\n\nmachine urs.earthdata.nasa.gov user ann password s3cret",
        "machine urs.earthdata.nasa.gov login ann password s3cret\nmachine urs.earthdata.nasa.gov login b password c",
        "machine urs.earthdata.nasa.gov login ann password s3cret\ndefault login b password c\nmacdef x\nnever ended",
    ] {
        assert_eq!(find(text, URS), Ok(entry("ann", "s3cret")), "{text}");
    }
    for text in
        ["", "\n# nothing\n", "machine other login a password b", "macdef x\nmachine urs.earthdata.nasa.gov"]
    {
        assert_eq!(find(text, URS), Ok(None), "{text}");
    }
}

#[test]
fn passwords_may_hold_anything() {
    for (written, password) in [
        ("#1", "#1"),
        ("a#1", "a#1"),
        ("machine", "machine"),
        ("\"two words\"", "two words"),
        (r#""a\"b\\c""#, r#"a"b\c"#),
        (r"a\b", r"a\b"),
        ("\"#\"", "#"),
        ("pässwörd", "pässwörd"),
    ] {
        let text = format!("machine {URS} login ann password {written}\nmachine x login y password z");
        assert_eq!(find(&text, URS), Ok(entry("ann", password)), "{text}");
    }
}

#[test]
fn broken_files_name_the_line_and_nothing_else() {
    for (text, line) in [
        ("machine", 1),
        ("machine urs.earthdata.nasa.gov\nlogin", 2),
        ("machine a login b password c\n\nhunter2", 3),
        ("login ann password s3cret", 1),
        ("machine urs.earthdata.nasa.gov\n\npassword \"s3cret\n login ann", 3),
        ("machine x\nmachine urs.earthdata.nasa.gov login ann", 2),
        ("machine urs.earthdata.nasa.gov password s3cret", 1),
        ("machine urs.earthdata.nasa.gov login ann password \"\"", 1),
        ("machine urs.earthdata.nasa.gov login ann password \"abc\\", 1),
    ] {
        let fault = find(text, URS).unwrap_err();
        assert_eq!(fault.line, line, "{text}");
        assert!(!format!("{fault:?}").contains("s3cret") && !fault.what.contains("hunter2"));
    }
}

/// A token as a file may hold it.
fn written(value: &str, quoted: bool) -> String {
    if quoted {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        value.to_string()
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        if let Err(fault) = find(&text, URS) {
            prop_assert!(fault.line >= 1 && fault.line <= 1 + text.matches('\n').count());
        }
    }

    #[test]
    fn any_words_are_read_or_refused(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "machine", "default", "login", "password", "account", "macdef", "#", "\"", "\\", "\n", "\n\n", "a", URS, "\r\n",
            ]),
            0..40,
        ),
        between in prop::sample::select(vec![" ", "\t", "\n", ""]),
    ) {
        let _ = find(&words.join(between), URS);
    }

    #[test]
    fn what_is_written_is_found(
        machines in prop::collection::vec(("[a-z.]{1,12}", "[!-~]{1,12}", "[!-~]{1,12}", any::<bool>()), 1..6),
        at in any::<prop::sample::Index>(),
        space in prop::sample::select(vec![" ", "\n", "\t ", "\r\n"]),
    ) {
        let text: Vec<String> = machines
            .iter()
            .map(|(name, login, password, quoted)| {
                // Only quotes tell where a token with a quote in front ends.
                let quoted = *quoted || login.starts_with('"') || password.starts_with('"');
                let (login, password) = (written(login, quoted), written(password, quoted));
                ["machine", name, "login", &login, "password", &password].join(space)
            })
            .collect();
        let (name, ..) = at.get(&machines);
        let (_, login, password, _) = machines.iter().find(|(other, ..)| other == name).unwrap();
        prop_assert_eq!(find(&text.join("\n"), name), Ok(entry(login, password)));
    }
}
