//! What is written and deleted, and what is not.

use std::time::{Duration, Instant};

use serde_json::Map;
use zagg_core::store::{
    ArraySpec, BlockWrite, Compression, Created, GroupSpec, Store, StoreState, StoreTemplate,
};
use zagg_core::{DType, ErrorKind, Values, conformance};
use zagg_tests::http_server::{Fault, Rule};
use zagg_tests::s3_server::{Account, Bucket};
use zagg_zarr::{Rechunk, ZarrStore};

use super::{PLACE, World, key_file};

const ARRAYS: usize = 10;

pub(super) fn template(hash: &str) -> StoreTemplate {
    let array = |number: usize| ArraySpec {
        name: format!("v{number}"),
        dtype: DType::Float64,
        fill: Values::Float64(vec![f64::NAN]),
        ragged: None,
        dimensions: vec!["cells".into()],
        shape: vec![64],
        block_shape: vec![16],
        chunk_shape: vec![16],
        compression: Compression::Zstd,
        attributes: Map::new(),
        content: None,
    };
    let arrays = (0..ARRAYS).map(array).collect();
    let group = GroupSpec { name: "6".into(), attributes: Map::new(), arrays };
    StoreTemplate { attributes: Map::new(), groups: vec![group], hash: hash.into() }
}

fn write_all(store: &dyn Store, block: u64) {
    let values = Values::Float64((0..16).map(|i| f64::from(i) + block as f64).collect());
    let names: Vec<String> = (0..ARRAYS).map(|number| format!("v{number}")).collect();
    let blocks: Vec<BlockWrite<'_>> = names
        .iter()
        .map(|array| BlockWrite {
            group: "6",
            array,
            block: std::slice::from_ref(&block),
            offsets: None,
            values: &values,
        })
        .collect();
    assert_eq!(store.write_blocks(&blocks).unwrap().objects, ARRAYS as u64);
}

#[test]
fn a_store_in_a_bucket_conforms() {
    let world = World::with(Bucket { region: "us-east-1".into(), page: 3, ..Bucket::default() });
    let (one, other) = (world.store(), world.store());
    let read = conformance::ReadBack {
        block: &|group, array, block| world.store().read_block(group, array, block),
        ragged_block: &|group, array, block| world.store().read_ragged_block(group, array, block),
    };
    assert_eq!(conformance::store(&one, &other, read), [""; 0]);
}

#[test]
fn blocks_of_a_task_are_written_side_by_side() {
    let world = World::new();
    let store = world.store();
    store.create(&template("a"), false).unwrap();
    world.server.objects.rule(Rule::new(Fault::Latency(Duration::from_millis(150))));
    let start = Instant::now();
    write_all(&store, 1);
    // One after the other would take a second and a half.
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    assert!(world.server.server.most_under_way() >= ARRAYS, "{}", world.server.server.most_under_way());
}

#[test]
fn overwriting_deletes_what_the_store_owns_and_names_the_rest() {
    let world = World::with(Bucket { region: "us-east-1".into(), page: 4, ..Bucket::default() });
    let store = world.store();
    store.create(&template("a"), false).unwrap();
    (0..4).for_each(|block| write_all(&store, block));
    store.write_record("shards/1.json", vec![1]).unwrap();
    store.finalize(StoreState::Complete).unwrap();
    let foreign = ["6/notes.txt", "6/v1/c/x", "notes & <more>.txt", "other/zarr.json"];
    for name in foreign {
        world.put(&format!("/{name}"), b"mine");
    }
    // Neighbours whose names begin in the same way.
    world.put("2/zarr.json", b"theirs");
    world.put(".zaggier", b"theirs");
    let error = store.create(&template("b"), false).unwrap_err();
    assert!(error.to_string().contains("--overwrite"), "{error}");
    assert_eq!(store.foreign_objects(100).unwrap(), foreign);
    assert_eq!(store.create(&template("b"), true).unwrap(), Created::New);
    assert_eq!(store.foreign_objects(100).unwrap(), foreign);
    assert_eq!(store.foreign_objects(2).unwrap(), foreign[..2]);
    let left = world.names("/").into_iter().filter(|name| name.contains("/c/")).collect::<Vec<_>>();
    assert_eq!(left, ["6/v1/c/x"]);
    for name in foreign {
        assert_eq!(world.get(&format!("/{name}")).unwrap(), b"mine");
    }
    assert_eq!(world.names(".zagg/"), ["template.json"]);
    assert_eq!(
        (world.get("2/zarr.json").unwrap(), world.get(".zaggier").unwrap()),
        (b"theirs".to_vec(), b"theirs".to_vec())
    );
}

#[test]
fn a_folder_with_something_else_is_left_alone() {
    let world = World::new();
    world.put("/notes.txt", b"mine");
    for overwrite in [false, true] {
        let error = world.store().create(&template("a"), overwrite).unwrap_err();
        assert!(error.to_string().contains("is not empty and holds no store of zagg"), "{error}");
    }
    assert_eq!((world.names("/"), world.names(".zagg/")), (vec!["notes.txt".to_string()], Vec::new()));
    // The marker of a folder, as consoles make it, is nothing.
    let world = World::new();
    world.put("/", b"");
    assert_eq!(world.store().create(&template("a"), false).unwrap(), Created::New);
}

#[test]
fn places_that_are_no_store_are_refused_with_advice() {
    let world = World::new();
    for (url, want) in [
        ("s3://own-bucket", "a store needs a folder of its own; give s3://bucket/folder"),
        ("s3://own-bucket/", "a store needs a folder of its own; give s3://bucket/folder"),
        ("s3://", "names no bucket"),
        ("s3://own-bucket/a//b", "not a folder of a bucket"),
        ("s3a://own-bucket/a", "write s3:// instead of s3a://"),
        ("s3://nsidc-cumulus-prod-protected.x/../y", "not a folder of a bucket"),
    ] {
        let error = ZarrStore::open_with(url, &world.chain()).unwrap_err();
        assert!(error.to_string().contains(want), "{url}: {error}");
    }
    assert!(ZarrStore::open(PLACE).unwrap_err().to_string().contains("without credentials"));
    assert!(world.server.server.log().is_empty());
}

#[test]
fn who_may_not_write_is_told_so_and_no_secret_is_shown() {
    let world = World::new();
    world.server.bucket("other-bucket", &[&Account::new("other")]);
    let owner = Account::new("owner").session("tok/en+==");
    let wrong = key_file(&Account { secret: "WRONG-SECRET".into(), ..owner });
    for (url, keys, want) in [
        ("s3://other-bucket/out.zarr", &world.keys, "(AccessDenied)"),
        ("s3://own-bucket/out.zarr", &wrong, "(SignatureDoesNotMatch)"),
        ("s3://mistyped/out.zarr", &world.keys, "there is no such bucket; check its name"),
    ] {
        let chain = world.chain_of(keys);
        let store = ZarrStore::open_with(url, &chain).unwrap();
        let errors = [
            store.acquire().unwrap_err(),
            store.create(&template("a"), false).unwrap_err(),
            store.inspect().unwrap_err(),
            store.write_record("a.json", vec![1]).unwrap_err(),
            store.list_records("").unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Input, "{error}");
            assert!(error.to_string().contains(want) && error.to_string().contains(url), "{error}");
            let shown = format!("{error} {error:?} {chain:?} {store:?}");
            assert!(
                !shown.contains("SECRET") && !shown.contains("secret of") && !shown.contains("tok/en"),
                "{shown}"
            );
        }
    }
}

#[test]
fn a_store_is_rechunked_into_a_bucket_and_out_of_it() {
    let world = World::with(Bucket { region: "us-east-1".into(), page: 5, ..Bucket::default() });
    let source = world.store();
    source.create(&template("a"), false).unwrap();
    [0, 1, 3].iter().for_each(|block| write_all(&source, *block));
    source.finalize(StoreState::Complete).unwrap();
    let how: Rechunk = "32".parse().unwrap();
    let copy = ZarrStore::open_with("s3://own-bucket/stores/copy.zarr", &world.chain()).unwrap();
    source.rechunk(&copy, &how, false).unwrap();
    let local = ZarrStore::memory();
    copy.rechunk(&local, &"16".parse().unwrap(), false).unwrap();
    for array in ["v0", "v9"] {
        assert_eq!(copy.stored_blocks("6", array).unwrap(), [[0], [1]]);
        assert_eq!(local.stored_blocks("6", array).unwrap(), [[0], [1], [3]]);
        let values = |store: &ZarrStore| store.read_array("6", array).unwrap().to_le_bytes();
        assert_eq!(values(&copy), values(&source));
        assert_eq!(values(&local), values(&source));
    }
    assert!(world.server.objects.paths("/own-bucket/stores/").iter().all(|path| !path.ends_with("/lock")));
}
