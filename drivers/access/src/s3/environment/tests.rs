use object_store::CredentialProvider;
use zagg_core::ErrorKind;

use super::*;
use crate::s3::keys::ours;

fn keys(lookup: Lookup) -> object_store::Result<Arc<AwsCredential>> {
    let ambient = Ambient::new(lookup).unwrap();
    crate::runtime::block_on(async move { Ok(ambient.get_credential().await) }).unwrap()
}

#[test]
fn variables_give_keys_that_cannot_be_renewed() {
    let lookup: Lookup = |name| match name {
        "AWS_ACCESS_KEY_ID" => Some("ID".into()),
        "AWS_SECRET_ACCESS_KEY" => Some("S".into()),
        "AWS_SESSION_TOKEN" => Some("T".into()),
        // Never reaches the builder, which would send requests there.
        "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:1".into()),
        _ => None,
    };
    let keys = keys(lookup).unwrap();
    assert_eq!(
        (keys.key_id.as_str(), keys.secret_key.as_str(), keys.token.as_deref()),
        ("ID", "S", Some("T"))
    );
    let ambient = Ambient::new(lookup).unwrap();
    assert!(!ambient.renew("ID"));
    assert!(ambient.advice().contains("AWS_ACCESS_KEY_ID"));
}

#[test]
fn half_a_pair_of_keys_is_named() {
    let error = Ambient::new(|name| (name == "AWS_ACCESS_KEY_ID").then(|| "SECRET-ID".into())).unwrap_err();
    assert_eq!(
        error.message(),
        "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not; set both or neither"
    );
}

#[test]
fn without_any_keys_the_ways_to_give_them_are_named() {
    let error = keys(|name| (name == "AWS_EC2_METADATA_DISABLED").then(|| "true".into())).unwrap_err();
    let error = ours(&error).unwrap();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.message().starts_with("no AWS credentials: set AWS_ACCESS_KEY_ID"), "{error}");
    // A service that is not there is found out quickly, and once for all.
    let start = Instant::now();
    let lookup: Lookup =
        |name| (name == "AWS_EC2_METADATA_SERVICE_ENDPOINT").then(|| "http://127.0.0.1:9".into());
    let ambient = Ambient::new(lookup).unwrap();
    let all = crate::runtime::block_on(async {
        Ok(futures_util::future::join_all((0..200).map(|_| ambient.get_credential())).await)
    });
    for answer in all.unwrap() {
        assert!(ours(&answer.unwrap_err()).unwrap().message().starts_with("no AWS credentials"));
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn where_a_container_has_its_keys_from_is_not_shown_and_a_role_alone_names_nobody() {
    let lookup: Lookup = |name| match name {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some("http://127.0.0.1:9/hush-hush".into()),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" => Some("/no/such/hush-hush".into()),
        _ => None,
    };
    let ambient = Ambient::new(lookup).unwrap();
    assert!(!format!("{ambient:?}").contains("hush"), "{ambient:?}");
    let error = keys(|name| match name {
        "AWS_ROLE_ARN" => Some("arn:aws:iam::1:role/x".into()),
        "AWS_EC2_METADATA_DISABLED" => Some("true".into()),
        _ => None,
    })
    .unwrap_err();
    assert!(ours(&error).unwrap().message().starts_with("no AWS credentials"), "{error}");
}

#[test]
fn a_service_whose_keys_are_refused_again_and_again_is_asked_twice() {
    let served = service();
    // A lookup is a plain function; what it says goes through a static.
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "t0ken").unwrap();
    SERVICE.set((served.0, token.path().to_str().unwrap().to_string())).unwrap();
    let lookup: Lookup = |name| match name {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some(SERVICE.get()?.0.clone()),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" => Some(SERVICE.get()?.1.clone()),
        _ => None,
    };
    let ambient = Ambient::new(lookup).unwrap();
    let mut renewals = 0;
    for _ in 0..30 {
        let keys = crate::runtime::block_on(async { Ok(ambient.get_credential().await) }).unwrap().unwrap();
        renewals += usize::from(ambient.renew(&keys.key_id));
    }
    assert_eq!((renewals, served.1.load(std::sync::atomic::Ordering::SeqCst)), (1, 2));
}

/// Address of a service, and the file of its token.
static SERVICE: std::sync::OnceLock<(String, String)> = std::sync::OnceLock::new();

/// A container's service, which gives other keys each time; with the count of its answers.
fn service() -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let number = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let body = format!(
                r#"{{"AccessKeyId":"ASIA{number}","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}}"#
            );
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    (url, count)
}
