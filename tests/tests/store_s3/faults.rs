//! Single requests that fail, above all those that were carried out although nobody heard of it.

use bytes::Bytes;
use zagg_core::ErrorKind;
use zagg_tests::http_server::{Fault, Rule};
use zagg_tests::s3_server::Bucket;

use super::World;

const PATH: &str = "/own-bucket/stores/out.zarr/x";

#[test]
fn a_conditional_put_whose_answer_was_lost_is_told_right() {
    for times in 1..4 {
        for fault in [Fault::Torn, Fault::Status(500), Fault::Status(503)] {
            let world = World::new();
            let folder = world.folder();
            let rule = || Rule::new(fault.clone()).path(PATH).times(times);
            world.server.objects.rule(rule());
            assert!(folder.put_new("x", &Bytes::from_static(b"mine")).unwrap(), "{fault:?}");
            // Another one's, of the same and of another length.
            for theirs in ["them", "longer than mine"] {
                world.server.objects.rule(rule());
                assert!(!folder.put_new("x", &Bytes::from(theirs)).unwrap(), "{fault:?}");
                assert_eq!(world.get("/x").unwrap(), b"mine");
            }
            world.put("/x", b"something that is longer");
            world.server.objects.rule(rule());
            assert!(!folder.put_new("x", &Bytes::from_static(b"mine")).unwrap(), "{fault:?}");
        }
    }
    // Without any fault, equal bytes of somebody else are somebody else's.
    let world = World::new();
    world.put("/x", b"mine");
    assert!(!world.folder().put_new("x", &Bytes::from_static(b"mine")).unwrap());
}

#[test]
fn other_requests_whose_answers_were_lost_are_repeated() {
    let world = World::new();
    let folder = world.folder();
    let torn = |times: usize| Rule::new(Fault::Torn).times(times);
    world.server.objects.rule(torn(2));
    folder.put("x", &Bytes::from_static(b"1")).unwrap();
    world.server.objects.rule(torn(2));
    assert_eq!(folder.get("x", 10).unwrap().unwrap(), "1");
    world.server.objects.rule(torn(2));
    assert_eq!(folder.list("").unwrap(), ["x"]);
    world.server.objects.rule(torn(2));
    folder.delete("x").unwrap();
    folder.delete("x").unwrap();
    assert_eq!(folder.get("x", 10).unwrap(), None);
    world.server.objects.rule(Rule::new(Fault::Status(500)).times(2));
    folder.delete("x").unwrap();
    // A server that never answers is given up.
    world.server.objects.rule(Rule::new(Fault::Torn));
    let one = Bytes::from_static(b"1");
    let errors = [
        folder.put("x", &one).unwrap_err(),
        folder.put_new("x", &one).map(|_| ()).unwrap_err(),
        folder.delete("x").unwrap_err(),
        folder.list("").map(|_| ()).unwrap_err(),
        folder.change_all(vec![("y".into(), Some(one)), ("x".into(), None)]).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Temporary, "{error}");
        assert!(error.message().starts_with("s3://own-bucket/stores/out.zarr"), "{error}");
    }
    assert!(world.server.server.log().len() < 80);
}

#[test]
fn listings_are_asked_for_page_by_page() {
    let world = World::with(Bucket { region: "us-east-1".into(), page: 3, ..Bucket::default() });
    let folder = world.folder();
    assert!(folder.is_empty().unwrap());
    let names: Vec<String> = (0..20).map(|number| format!("a/{number:03}")).collect();
    let changes = names.iter().map(|name| (name.clone(), Some(Bytes::from_static(b"1"))));
    folder.change_all(changes.collect()).unwrap();
    world.put("/b & <c>", b"1");
    world.put("2/a/000", b"1");
    assert_eq!(folder.list("a/").unwrap(), names);
    assert_eq!(folder.list("a/00").unwrap(), names[..10]);
    assert_eq!(folder.list("b").unwrap(), ["b & <c>"]);
    assert_eq!(folder.list("").unwrap().len(), 21);
    assert!(!folder.is_empty().unwrap());
    let found = folder.get_all(&["a/001".into(), "a/nothing".into()], 9).unwrap();
    assert_eq!(found, [Some(Bytes::from_static(b"1")), None]);
    // A name that no program here can say is an error, not an object that is overlooked.
    world.put("/a//b", b"1");
    let error = folder.list("").unwrap_err();
    assert!(error.message().contains("whose name has an empty"), "{error}");
    for bad in ["", "/", "a//b", "../x", "x/", "."] {
        assert!(folder.put(bad, &Bytes::new()).is_err(), "{bad:?}");
    }
    let error = folder.get("a/001", 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}
