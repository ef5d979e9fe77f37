//! Who may write.

use zagg_core::ErrorKind;
use zagg_core::store::{Created, Store};
use zagg_tests::s3_server::Bucket;

use super::World;
use super::objects::template;

#[test]
fn of_many_who_want_the_store_one_gets_it() {
    let world = World::new();
    for round in 0..10 {
        let stores: Vec<_> = (0..8).map(|_| world.store()).collect();
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = stores
                .iter()
                .map(|store| {
                    scope.spawn(|| {
                        store.acquire()?;
                        store.create(&template("a"), false)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let created: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert_eq!(created, [if round == 0 { &Created::New } else { &Created::Existing }]);
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert_eq!(error.kind(), ErrorKind::Input);
            let text = error.to_string();
            let held =
                text.contains(&format!("process {} on ", std::process::id())) && text.contains("took it");
            assert!(held || text.contains("another run is writing"), "{text}");
            assert!(text.contains("s3://own-bucket/stores/out.zarr.zagg/lock"), "{text}");
        }
        drop(stores);
        assert_eq!(world.names(".zagg/"), ["template.json"]);
    }
}

#[test]
fn a_lock_of_another_machine_stays_until_somebody_removes_it() {
    let world = World::new();
    let store = world.store();
    store.acquire().unwrap();
    let ours = String::from_utf8(world.get(".zagg/lock").unwrap()).unwrap();
    store.release().unwrap();
    let document: serde_json::Value = serde_json::from_str(&ours).unwrap();
    let machine = document["machine"].as_str().unwrap();
    // A host of the same name, even with a process that is gone here.
    let theirs =
        ours.replace(machine, "another boot").replace(&format!("{},", std::process::id()), "4194305,");
    world.put(".zagg/lock", theirs.as_bytes());
    for overwrite in [false, true] {
        let error = store.acquire().unwrap_err().to_string();
        assert!(error.contains("process 4194305 on ") && error.contains("took it a moment ago"), "{error}");
        assert!(
            error.contains("or remove s3://own-bucket/stores/out.zarr.zagg/lock if it is gone"),
            "{error}"
        );
        assert_eq!(world.get(".zagg/lock").unwrap(), theirs.as_bytes(), "{overwrite}");
    }
    store.release().unwrap();
    assert_eq!(world.get(".zagg/lock").unwrap(), theirs.as_bytes(), "only the holder may release");
    world.folder().beside(".zagg").unwrap().delete("lock").unwrap();
    store.acquire().unwrap();
    store.release().unwrap();
    // A process of this machine that is gone needs nobody.
    if cfg!(target_os = "linux") {
        let gone = ours.replace(&format!("{},", std::process::id()), "4194305,");
        assert_ne!(gone, ours);
        world.put(".zagg/lock", gone.as_bytes());
        store.acquire().unwrap();
        store.release().unwrap();
    }
    assert_eq!(world.names(".zagg/"), [""; 0]);
}

#[test]
fn a_server_that_overlooks_conditions_is_found_out() {
    let overlooks = Bucket { region: "us-east-1".into(), overlooks_conditions: true, ..Bucket::default() };
    let world = World::with(overlooks);
    let error = world.store().acquire().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("two runs could not be kept apart"), "{error}");
    assert_eq!(world.names(""), [""; 0], "nothing is left");
}
