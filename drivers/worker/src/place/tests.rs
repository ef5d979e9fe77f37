//! Folders as places of plans.

use zagg_core::ErrorKind;
use zagg_core::config::StoreAccess;

use super::*;

fn place(uri: &str) -> Result<PlanPlace> {
    PlanPlace::open(uri, &StoreChain::new(&StoreAccess::default(), None).unwrap())
}

#[test]
fn places_are_absolute_and_others_are_refused() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(place("plans/a/").unwrap().uri(), here.join("plans/a").to_str().unwrap());
    assert_eq!(place("file:///plans/a").unwrap().uri(), "/plans/a");
    assert_eq!(place("s3://bucket/plans/a/").unwrap().uri(), "s3://bucket/plans/a");
    for text in ["", "a\0b", "gs://bucket/a", "https://host/a", "file://host/a", "s3://"] {
        assert_eq!(place(text).unwrap_err().kind(), ErrorKind::Input, "{text}");
    }
}

#[test]
fn of_many_who_write_an_object_anew_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path().join("deep/er").to_str().unwrap()).unwrap();
    assert_eq!(place.get("plan.json", 10).unwrap(), None);
    let wrote: Vec<bool> = std::thread::scope(|scope| {
        let one = |n: u8| {
            let place = place.clone();
            scope.spawn(move || place.put_new("plan.json", &Bytes::from(vec![n; 1000])).unwrap())
        };
        let threads: Vec<_> = (0..8).map(one).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(wrote.iter().filter(|wrote| **wrote).count(), 1);
    let winner = wrote.iter().position(|wrote| *wrote).unwrap();
    let bytes = place.get("plan.json", 1000).unwrap().unwrap();
    assert_eq!(bytes, vec![winner as u8; 1000]);
    assert_eq!(place.get("plan.json", 999).unwrap_err().kind(), ErrorKind::Corrupt);
    place.put("plan.json", &Bytes::from_static(b"new")).unwrap();
    assert_eq!(place.get("plan.json", 10).unwrap().unwrap(), "new");
    let left: Vec<_> = fs::read_dir(folder.path().join("deep/er")).unwrap().collect();
    assert_eq!(left.len(), 1, "no partial file is left");
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("plan.json")).unwrap();
    let at = place(folder.path().to_str().unwrap()).unwrap();
    assert_eq!(at.get("plan.json", 10).unwrap_err().kind(), ErrorKind::Input);
    // A file stands where the folder should be.
    fs::write(folder.path().join("file"), "x").unwrap();
    let below = place(folder.path().join("file/plan").to_str().unwrap()).unwrap();
    assert_eq!(below.get("plan.json", 10).unwrap(), None);
    assert!(below.put("plan.json", &Bytes::new()).unwrap_err().to_string().contains("cannot write"));
}
