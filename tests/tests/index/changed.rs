//! A granule that is replaced after it was indexed.

use std::sync::Arc;

use zagg_access::Access;
use zagg_atl06::synthetic::{GranuleSpec, write_granule};
use zagg_core::store::StoreState;

use super::{filled, indexed, remote, run, told, used};
use crate::support::{Job, assert_same_tree, crossing, pipeline, preset};

fn other(spec: &GranuleSpec) -> Vec<u8> {
    write_granule(&GranuleSpec { seed: spec.seed + 100, ..spec.clone() }).unwrap()
}

#[test]
fn an_object_that_is_found_to_be_another_at_its_first_read_is_read_anew() {
    let specs = crossing(3000);
    let (job, archive) = remote(&specs);
    let shelf = filled(&job);
    archive.put(&specs[1].name, other(&specs[1]));
    let (want, tree) = run(&job);
    let (got, files) = run(&indexed(&job, &shelf.changed(|_, bytes| bytes.clone()), "read"));
    assert_same_tree(&files, &tree, "read");
    assert_eq!(told(&got), told(&want));
    assert_eq!((used(&got).used, used(&got).missed), (2, 1));
    let about: Vec<&String> = got.warnings.iter().filter(|line| line.contains(&specs[1].name)).collect();
    let [warning] = &about[..] else { panic!("{:?}", got.warnings) };
    assert!(
        warning.contains("its index in shelf is not used") && warning.contains("is another object by now")
    );

    let (got, files) = run(&indexed(&job, &shelf, "build"));
    assert_same_tree(&files, &tree, "build");
    assert_eq!((used(&got).missed, used(&got).written), (1, 1));
    let (got, _) = run(&indexed(&job, &shelf, "error"));
    assert_eq!((used(&got).used, told(&got)), (3, told(&want)));

    archive.put(&specs[0].name, other(&specs[0]));
    let (got, _) = run(&indexed(&job, &shelf, "error"));
    assert_eq!(got.state, StoreState::Incomplete);
    for (hole, _) in &got.holes {
        assert_eq!(hole.granule, specs[0].name);
        assert!(hole.reason.contains("is another object by now"), "{}", hole.reason);
    }
}

#[test]
fn a_file_that_was_touched_or_replaced_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let specs = &crossing(2000)[..2];
    let paths: Vec<String> = specs
        .iter()
        .map(|spec| {
            let path = folder.path().join(&spec.name);
            std::fs::write(&path, write_granule(spec).unwrap()).unwrap();
            path.to_str().unwrap().to_string()
        })
        .collect();
    let job = Job::new(pipeline(&[preset()]), &paths, Arc::new(Access::default()));
    let shelf = filled(&job);
    let (want, _) = run(&job);
    let (got, _) = run(&indexed(&job, &shelf, "read"));
    assert_eq!((told(&got), used(&got).used), (told(&want), 2));
    // Touched: the same bytes at another time.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    std::fs::File::options().write(true).open(&paths[0]).unwrap().set_modified(later).unwrap();
    let (got, _) = run(&indexed(&job, &shelf, "read"));
    assert_eq!((told(&got), used(&got).used, used(&got).missed), (told(&want), 1, 1));
    // Replaced by another granule.
    std::fs::write(&paths[0], other(&specs[0])).unwrap();
    let (want, tree) = run(&job);
    let (got, files) = run(&indexed(&job, &shelf, "build"));
    assert_same_tree(&files, &tree, "replaced");
    assert_eq!((told(&got), used(&got).written), (told(&want), 1));
    let (got, _) = run(&indexed(&job, &shelf, "error"));
    assert_eq!((told(&got), used(&got).used), (told(&want), 2));
    // Gone.
    std::fs::remove_file(&paths[1]).unwrap();
    let (got, _) = run(&indexed(&job, &shelf, "read"));
    assert_eq!(got.state, StoreState::Incomplete);
    assert!(got.holes.iter().all(|(hole, _)| hole.granule == paths[1] && hole.part.is_none()));
}
