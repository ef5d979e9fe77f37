use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::event::Event;
use crate::invoke::{Call, FaultClass, Invoke};

#[test]
fn arguments_go_before_the_environment() {
    let place = |region, url, set: &[(&str, &str)]| {
        Place::new(region, url, |name| {
            set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string())
        })
    };
    let both = [("AWS_REGION", "us-west-2"), ("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9")];
    let found = place(None, None, &both).unwrap();
    assert_eq!(
        (found.region.as_str(), found.endpoint_url.as_deref()),
        ("us-west-2", Some("http://127.0.0.1:9"))
    );
    let found = place(Some("eu-north-1"), Some("http://[::1]:8"), &both).unwrap();
    assert_eq!(
        (found.region.as_str(), found.endpoint_url.as_deref()),
        ("eu-north-1", Some("http://[::1]:8"))
    );
    assert_eq!(place(None, Some("http://a"), &[]).unwrap().region, SOME_REGION);
    assert!(place(None, None, &[]).unwrap_err().message().contains("--region"));
    assert!(place(None, None, &[("AWS_REGION", "")]).is_err());
    for url in ["a", "http://", "http://user:hush@host", "http://host?key=hush"] {
        let error = place(Some("us-west-2"), Some(url), &[]).unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
    }
    for region in ["", "US", "a b", "us-west-2.evil.org/"] {
        assert!(place(Some(region), None, &[]).is_err(), "{region}");
    }
}

/// Keys that are others each time they are asked for, and end when nobody said.
#[derive(Debug, Default)]
struct Changing(AtomicUsize);

impl ProvideCredentials for Changing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        future::ProvideCredentials::ready(Ok(Credentials::new(
            format!("AKID{number}"),
            "k",
            None,
            None,
            "zagg",
        )))
    }
}

#[test]
fn keys_are_asked_for_with_every_call_and_ended_ones_have_run_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let signed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&signed);
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let mut socket = BufReader::new(listener.accept().unwrap().0);
            let mut length = 0;
            let mut line = String::new();
            while socket.read_line(&mut line).unwrap() > 2 {
                let header = line.to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if let Some((_, key)) = header.split_once("credential=") {
                    seen.lock().unwrap().push(key.split('/').next().unwrap().to_string());
                }
                line.clear();
            }
            socket.read_exact(&mut vec![0; length]).unwrap();
            let body = r#"{"message":"The security token included in the request is expired"}"#;
            let answer = format!(
                "HTTP/1.1 403 Forbidden\r\nx-amzn-errortype: ExpiredTokenException\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
            socket.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    let place = Place::new(Some("us-west-2"), Some(&url), |_| None).unwrap();
    let invoke = AwsInvoke::new(place.client_of(Changing::default()).unwrap());
    let runtime = crate::runtime().unwrap();
    for _ in 0..2 {
        let event = Event::ping().to_bytes().unwrap().into();
        let call = Call { function: "f".into(), queued: false, event };
        let fault = runtime.block_on(invoke.invoke(call)).unwrap_err();
        assert_eq!(fault.class, FaultClass::Unsent, "{fault}");
        assert!(fault.message.contains("have ended, renew them"), "{fault}");
    }
    server.join().unwrap();
    assert_eq!(*signed.lock().unwrap(), ["akid0", "akid1"]);
}
