//! Whole runs into buckets.

use std::path::Path;
use std::sync::Arc;

use zagg_core::store::Store;
use zagg_local::LocalExecutor;
use zagg_tests::http_server::{Fault, Rule};
use zagg_tests::s3_server::Bucket;

use super::{PLACE, World};
use crate::support::{Job, LAYOUTS, Tree, assert_same_tree, crossing, layout, pipeline, preset, tree};

fn job(layer: &str) -> Job {
    Job::atl06(pipeline(&[preset(), &layout(layer)]), &crossing(400))
}

/// What a run leaves in a local folder: the store, and the names of what is beside it.
fn on_disk(job: &Job) -> (Tree, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zarr");
    let store = zagg_zarr::ZarrStore::open_path(&path).unwrap();
    job.run_with(Arc::new(store), &LocalExecutor::default()).unwrap();
    let beside = tree(&folder.path().join("out.zarr.zagg"));
    (tree(&path), beside.keys().map(|path| path.to_str().unwrap().to_string()).collect())
}

/// What lies in the bucket.
fn in_bucket(world: &World) -> Tree {
    let names = world.names("/");
    names
        .iter()
        .map(|name| (Path::new(name).to_path_buf(), world.get(&format!("/{name}")).unwrap()))
        .collect()
}

#[test]
fn a_run_into_a_bucket_leaves_the_objects_of_a_local_run() {
    for layer in LAYOUTS {
        let job = job(layer);
        let (want, beside) = on_disk(&job);
        assert!(want.len() > 20, "{layer}: {} objects", want.len());
        // Pages of seven, and a region to be found out.
        let world = World::with(Bucket { region: "eu-north-1".into(), page: 7, ..Bucket::default() });
        let summary = job.run(Arc::new(world.store())).unwrap();
        assert_eq!(summary.exit_code(), 0);
        assert_same_tree(&in_bucket(&world), &want, layer);
        assert_eq!(world.names(".zagg/"), beside, "{layer}: no lock stays");
        assert_eq!(world.server.keys_seen("own-bucket"), ["AKIAOWNER"]);
        // Read back, and run once more into the same store.
        let store = world.store();
        assert_eq!(store.location(), PLACE);
        assert!(store.inspect().unwrap().consolidated);
        job.run(Arc::new(store)).unwrap();
        assert_same_tree(&in_bucket(&world), &want, layer);
    }
}

#[test]
fn servers_that_fail_now_and_then_change_nothing() {
    let job = job("compact");
    let (want, beside) = on_disk(&job);
    for (what, fault) in [
        ("500", Fault::Status(500)),
        ("503", Fault::RetryAfter(503, "0".into())),
        ("lost answers", Fault::Torn),
        ("slow", Fault::Latency(std::time::Duration::from_millis(40))),
    ] {
        let world = World::new();
        for number in (0..600).step_by(5) {
            world.server.objects.rule(Rule::new(fault.clone()).after(number).times(1));
        }
        let summary = job.run(Arc::new(world.store())).unwrap();
        assert_eq!(summary.exit_code(), 0, "{what}");
        assert_same_tree(&in_bucket(&world), &want, what);
        assert_eq!(world.names(".zagg/"), beside, "{what}");
    }
}

#[test]
fn a_bucket_that_goes_away_fails_the_run_and_a_second_one_finishes_it() {
    let job = job("compact");
    let (want, _) = on_disk(&job);
    let world = World::new();
    world.server.objects.rule(Rule::new(Fault::Status(503)).after(60));
    let outcome = job.run(Arc::new(world.store()));
    assert!(outcome.is_err() || outcome.is_ok_and(|summary| summary.exit_code() != 0));
    world.server.objects.clear_rules();
    // The lock is that of this very process, which lives; it could not be given back.
    assert!(world.get(".zagg/lock").is_some());
    world.server.objects.remove("/own-bucket/stores/out.zarr.zagg/lock");
    assert_eq!(job.run(Arc::new(world.store())).unwrap().exit_code(), 0);
    assert_same_tree(&in_bucket(&world), &want, "finished later");
}
