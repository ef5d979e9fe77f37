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
