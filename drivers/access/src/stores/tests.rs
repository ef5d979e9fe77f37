use std::sync::Barrier;

use bytes::Bytes;

use super::*;

fn chain() -> StoreChain {
    StoreChain::new(&StoreAccess::default(), None).unwrap()
}

#[test]
fn a_folder_keeps_what_was_put() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not/there/yet");
    for url in [root.to_str().unwrap().to_string(), format!("file://{}", root.display())] {
        let store = chain().index_store(&url).unwrap();
        assert_eq!(store.get("a/b.idx").unwrap().is_some(), url.starts_with("file"));
        store.put("a/b.idx", Bytes::from_static(b"one")).unwrap();
        store.put("a/b.idx", Bytes::from_static(b"two!")).unwrap();
        assert_eq!(store.get("a/b.idx").unwrap().unwrap(), "two!");
        assert_eq!(store.get("a/b.idx/c").unwrap(), None);
    }
    // Nothing else is left behind.
    let names: Vec<_> =
        std::fs::read_dir(root.join("a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["b.idx"]);
}

#[test]
fn no_more_is_read_than_an_index_may_have() {
    let folder = tempfile::tempdir().unwrap();
    let store = chain().index_store(folder.path().to_str().unwrap()).unwrap();
    for (length, fits) in [(MAX_STORED_BYTES, true), (MAX_STORED_BYTES + 1, false)] {
        let file = std::fs::File::create(folder.path().join("x")).unwrap();
        file.set_len(length).unwrap();
        assert_eq!(store.get("x").is_ok(), fits, "{length} bytes");
    }
    assert_eq!(store.get("x").unwrap_err().kind(), zagg_core::ErrorKind::Corrupt);
}

#[test]
fn names_that_lead_out_of_the_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::write(folder.path().join("secret"), "x").unwrap();
    let store = chain().index_store(inside.to_str().unwrap()).unwrap();
    for name in ["", "../secret", "a/../../secret", "/etc/passwd", "a//b", ".", "a/.", "a\\b", "a\0b", "c:x"]
    {
        for result in [store.get(name).map(drop), store.put(name, Bytes::new())] {
            assert!(result.unwrap_err().message().ends_with("cannot be the name of an index"), "{name:?}");
        }
    }
    std::fs::create_dir_all(inside.join("folder")).unwrap();
    assert!(store.get("folder").unwrap_err().message().ends_with("not a file"));
}

#[test]
fn a_reader_sees_one_whole_version_while_many_write() {
    const WRITERS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let store = chain().index_store(folder.path().to_str().unwrap()).unwrap();
    let version = |number: usize| Bytes::from(vec![number as u8; 100_000 + number]);
    store.put("x", version(0)).unwrap();
    let start = Barrier::new(WRITERS + 1);
    std::thread::scope(|scope| {
        for number in 0..WRITERS {
            let (store, start) = (&store, &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..10 {
                    store.put("x", version(number)).unwrap();
                }
            });
        }
        start.wait();
        for _ in 0..200 {
            let seen = store.get("x").unwrap().unwrap();
            assert_eq!(seen, version(seen[0] as usize));
        }
    });
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn places_that_are_no_store_are_refused() {
    for (url, want) in [
        ("https://user:pw@host/x?sig", "\"https://host/x\": indexes are kept in a folder or in s3://"),
        ("s3://", "names no bucket"),
        ("", "is no folder"),
    ] {
        let error = chain().index_store(url).unwrap_err();
        assert!(error.message().contains(want) && !error.message().contains("pw"), "{error}");
    }
    let access = StoreAccess { region: None, endpoint_url: Some("nowhere".into()) };
    assert!(StoreChain::new(&access, None).unwrap_err().message().starts_with("output: endpoint_url is not"));
    let missing = StoreChain::new(&StoreAccess::default(), Some(Path::new("no/such/file"))).unwrap_err();
    assert!(missing.message().starts_with("no/such/file: "), "{missing}");
}

#[test]
fn the_buckets_of_archives_are_nobody_s_store() {
    let access =
        StoreAccess { region: None, endpoint_url: Some("https://s3.us-west-2.amazonaws.com".into()) };
    for chain in [chain(), StoreChain::new(&access, None).unwrap()] {
        let fails = |url: &str| chain.index_store(url).unwrap_err().to_string();
        let error = fails("s3://nsidc-cumulus-prod-protected/idx");
        assert!(error.contains("is one of NSIDC"), "{error}");
        assert!(fails("s3://NSIDC-cumulus-prod-protected/idx").contains("small letters"));
    }
    // On a server of one's own names mean nothing.
    let access = StoreAccess { region: None, endpoint_url: Some("https://s3.example.org".into()) };
    let chain = StoreChain::new(&access, None).unwrap();
    assert!(chain.index_store("s3://nsidc-cumulus-prod-protected/idx").is_ok());
}
