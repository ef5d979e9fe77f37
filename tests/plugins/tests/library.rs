//! Plugins in a shared library, through the registry: they do what they do when linked in, and their faults are errors.
#![allow(clippy::unwrap_used, clippy::panic)] // The whole crate is tests.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use zagg_atl06::synthetic::{Direction, GranuleSpec, write_granule};
use zagg_core::catalog::{ExactFootprint, Query, SearchContext};
use zagg_core::footprint::Footprint;
use zagg_core::granule::Granule;
use zagg_core::grid::Grid;
use zagg_core::range_reader::{Failing, MemoryReader, RangeReader, Recording};
use zagg_core::registry::{Kind, Origin, Registry};
use zagg_core::rows::Rows;
use zagg_core::source::{PointSource, ReadRequest};
use zagg_core::statistic::{Groups, States, StatisticRequest, VariableKind};
use zagg_core::{Column, DType, Error, ErrorKind, Result, Values, caught, conformance};
use zagg_healpix as _;
use zagg_local_files as _;
use zagg_statistics as _;
use zagg_test_plugins::points;

/// A library of the examples, which are built with the tests.
fn library(name: &str) -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples");
    let path = folder.join(format!("lib{name}.so"));
    assert!(path.exists(), "{}: build it with cargo build -p zagg-test-plugins --examples", path.display());
    path
}

fn loaded(name: &str) -> Registry {
    let mut registry = Registry::linked().unwrap();
    registry.load(&[library(name)]).unwrap();
    registry
}

#[allow(clippy::needless_pass_by_value)] // Written on the spot by its callers.
fn options(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn request(function: &str, params: Value) -> StatisticRequest {
    StatisticRequest {
        variable: "v".into(),
        function: function.into(),
        source: Some("x".into()),
        source_dtype: Some(DType::Float32),
        params: options(params),
        kind: if function.contains("tdigest") { VariableKind::Ragged } else { VariableKind::Scalar },
        shape: None,
    }
}

fn granule_of_points() -> (Granule, Arc<dyn RangeReader>) {
    let rows: Vec<(f64, f64, f32)> =
        (0..500).map(|i| (f64::from(i) * 0.01, f64::from(i) * 0.02 - 5.0, i as f32)).collect();
    let granule = Granule { id: "a.pts".into(), ..Granule::default() };
    (granule, Arc::new(MemoryReader::new("a.pts", points::write(&rows))))
}

fn granule_of_atl06() -> (Granule, Arc<dyn RangeReader>) {
    let spec =
        GranuleSpec { segments_per_beam: 300, ..GranuleSpec::new("ATL06_20240103031520_02612211_006_01.h5") }
            .through(-80.0, 60.0, Direction::Descending)
            .unwrap();
    let granule = Granule { id: spec.name.clone(), ..Granule::default() };
    (granule, Arc::new(MemoryReader::new("atl06", write_granule(&spec).unwrap())))
}

#[test]
fn every_kind_is_there_with_its_origin() {
    let registry = loaded("sound");
    let names = |kind: Kind| -> Vec<&str> {
        let foreign = |r: &&zagg_core::registry::Registered| matches!(r.origin, Origin::Library(_));
        registry
            .entries()
            .filter(foreign)
            .filter(|r| r.entry.make.kind() == kind)
            .map(|r| r.entry.name)
            .collect()
    };
    assert_eq!(names(Kind::Source), ["shared-atl06", "test-points"]);
    assert_eq!(names(Kind::Catalog), ["shared-files", "test-files"]);
    assert_eq!(names(Kind::Grid), ["shared-healpix", "test-grid"]);
    assert_eq!(names(Kind::Statistic), ["shared-mean", "shared-median", "shared-tdigest", "test-sum"]);
    assert_eq!(names(Kind::Preset), ["test-points"]);
    assert!(registry.preset("test-points").unwrap().contains("height_sum"));
    assert_eq!(registry.source_name("test-pts").unwrap(), "test-points");
    let origin = registry.entries().find(|r| r.entry.name == "test-sum").unwrap().origin.to_string();
    assert!(Path::new(&origin).is_absolute() && origin.ends_with("libsound.so"), "{origin}");
}

#[test]
fn what_conforms_when_linked_in_conforms_in_a_library() {
    let registry = loaded("sound");
    let none = Map::new();
    let (granule, reader) = granule_of_points();
    let source = registry.source("test-points", &none).unwrap();
    assert_eq!(conformance::source(&*source, &granule, &reader), Ok(()));
    for name in ["test-grid", "shared-healpix"] {
        assert_eq!(conformance::grid(&*registry.grid(name, &none).unwrap()), Ok(()), "{name}");
    }
    for name in ["test-sum", "shared-mean", "shared-median"] {
        let statistic = registry.statistic(&request(name, json!({}))).unwrap();
        for dtype in [DType::Float32, DType::Int16, DType::Bool] {
            assert_eq!(conformance::statistic(&*statistic, dtype), Ok(()), "{name}");
        }
    }
    let query = Query { files: vec!["/data/a.pts".into(), "/data/b.pts".into()], ..Query::default() };
    let catalog = registry.catalog("test-files").unwrap();
    assert_eq!(conformance::catalog(&*catalog, &[query]), Ok(()));
}

#[test]
fn a_grid_gives_the_same_answers_from_a_library() {
    let registry = loaded("sound");
    let of = options(json!({"type": "healpix", "parent_order": 4, "child_order": 9}));
    let linked = registry.grid("healpix", &of).unwrap();
    let shared = registry.grid("shared-healpix", &of).unwrap();
    assert_eq!(linked.signature(), shared.signature());
    let lon: Vec<f64> = (0..4000).map(|i| f64::from(i) * 0.09 - 180.0).collect();
    let lat: Vec<f64> = (0..4000).map(|i| f64::from(i) * 0.045 - 90.0).collect();
    let both = |ask: &dyn Fn(&dyn Grid) -> Vec<u64>| assert_eq!(ask(&*linked), ask(&*shared));
    both(&|grid| {
        let mut cells = vec![0; lon.len()];
        grid.locate(&lon, &lat, &mut cells);
        let mut shards = vec![0; lon.len()];
        grid.shards_of(&cells, &mut shards);
        let mut parents = vec![0; lon.len()];
        grid.parents(&cells, 6, &mut parents);
        [cells, shards, parents].concat()
    });
    let area = Footprint::Box { west: 170.0, south: -80.0, east: -170.0, north: -70.0 };
    both(&|grid| grid.cover(&area).unwrap());
    let shard = linked.cover(&area).unwrap()[0];
    both(&|grid| grid.cells_of_shard(shard, 9));
    both(&|grid| vec![grid.shard_key(shard), grid.shard_from_key(grid.shard_key(shard)).unwrap()]);
    assert_eq!(linked.shard_label(shard), shared.shard_label(shard));
    assert_eq!(linked.layout(9), shared.layout(9));
    assert_eq!(linked.coordinates(9), shared.coordinates(9));
    assert_eq!(linked.group_attributes(9, true), shared.group_attributes(9, true));
    assert_eq!(
        linked.cells_in_area(&[shard], &area).unwrap(),
        shared.cells_in_area(&[shard], &area).unwrap()
    );
    let error = |grid: &dyn Grid| grid.shard_from_label("no such label").unwrap_err();
    assert_eq!(error(&*linked), error(&*shared), "errors keep kind and message");
}

#[test]
fn a_statistic_gives_the_same_bits_from_a_library() {
    let registry = loaded("sound");
    let values: Vec<f32> = (0..5000).map(|i| ((i * 7919) % 1013) as f32 * 0.37).collect();
    let column = Values::Float32(values);
    let offsets = [0, 1, 17, 1000, 5000];
    let groups = Groups { offsets: &offsets, columns: &[&column] };
    for (linked, shared) in
        [("mean", "shared-mean"), ("median", "shared-median"), ("tdigest", "shared-tdigest")]
    {
        let linked = registry.statistic(&request(linked, json!({}))).unwrap();
        let shared = registry.statistic(&request(shared, json!({}))).unwrap();
        assert_eq!(linked.reduce(&groups).unwrap(), shared.reduce(&groups).unwrap());
        assert_eq!(linked.output(), shared.output());
        let Some((linked, shared)) = linked.mergeable().zip(shared.mergeable()) else { continue };
        assert_eq!(linked.form(), shared.form());
        let states = linked.partial(&groups).unwrap();
        assert_eq!(states, shared.partial(&groups).unwrap());
        assert_eq!(linked.merge(&states, &[0, 3, 4]).unwrap(), shared.merge(&states, &[0, 3, 4]).unwrap());
        assert_eq!(linked.finish(&states).unwrap(), shared.finish(&states).unwrap());
    }
}

#[test]
fn a_source_reads_the_same_rows_with_the_same_requests_from_a_library() {
    let registry = loaded("sound");
    let (granule, reader) = granule_of_atl06();
    let section = options(json!({"variables": {"h_li": "/{group}/land_ice_segments/h_li"}}));
    let mut told = Vec::new();
    for name in ["shared-atl06", "direct"] {
        let recording = Arc::new(Recording::new(Arc::clone(&reader)));
        let source = match name {
            "direct" => Box::new(zagg_atl06::Atl06::new(&section).unwrap()) as Box<dyn PointSource>,
            name => registry.source(name, &section).unwrap(),
        };
        let opened = source.open(&granule, recording.clone()).unwrap();
        let parts: Vec<usize> = (0..opened.parts().len()).collect();
        let requests: Vec<ReadRequest> = parts
            .iter()
            .map(|&part| ReadRequest {
                part,
                rows: Rows::from_ranges([3..90, 100..101, 200..229]),
                columns: vec!["h_li".into(), "latitude".into()],
            })
            .collect();
        let positions = opened.positions(&parts);
        let batches = opened.read(&requests);
        assert!(batches.iter().all(Result::is_ok), "every part has so many rows");
        let index = opened.index().unwrap();
        let known = source.open_indexed(&granule, recording.clone(), index.as_ref().unwrap()).unwrap();
        assert_eq!(known.parts(), opened.parts());
        let columns = source.columns().to_vec();
        let attributes = opened.column_attributes("h_li");
        let calls = recording.recorded().requests();
        told.push((opened.parts().to_vec(), positions, batches, index, columns, attributes, calls));
    }
    assert_eq!(told[0], told[1]);
}

#[test]
fn faults_of_the_program_reach_a_plugin_and_come_back_as_they_were() {
    let registry = loaded("sound");
    let source = registry.source("test-points", &Map::new()).unwrap();
    let (granule, reader) = granule_of_points();
    let failing =
        Failing::new(Arc::clone(&reader), |call, _| (call > 0).then(|| Error::temporary("slow\u{e4} down")));
    let opened = source.open(&granule, Arc::new(failing)).unwrap();
    let error = opened.positions(&[0]).remove(0).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Temporary, "slow\u{e4} down"));
    // A panic of the program inside a call of the plugin.
    let panicking = Failing::new(reader, |_, _| panic!("the reader broke"));
    let error = source.open(&granule, Arc::new(panicking)).unwrap_err();
    assert!(error.message().contains("the reader broke"), "{error}");
    let short = Arc::new(MemoryReader::new("short", vec![1, 2, 3]));
    let error = source.open(&granule, short).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Corrupt, "a.pts: no granule of points"));
}

#[derive(Default)]
struct Listening(Mutex<Vec<String>>);

impl SearchContext for Listening {
    fn exact_footprint(&self, granule: &Granule) -> Result<ExactFootprint> {
        assert!(granule.id != "b.pts", "the program broke");
        if granule.id == "c.pts" {
            return Err(Error::corrupt("c.pts is broken"));
        }
        Ok(ExactFootprint { footprint: Footprint::Shards(vec![3, 5]), holes: Vec::new() })
    }

    fn list(&self, url: &str) -> Result<Vec<(String, u64)>> {
        if url == "s3://closed" {
            return Err(Error::input("s3://closed: access denied"));
        }
        Ok(vec![(format!("{url}/a.pts"), 7), (format!("{url}/b.pts"), u64::MAX)])
    }

    fn progress(&self, done: u64, total: Option<u64>, what: &str) {
        self.0.lock().unwrap().push(format!("{done} of {} {what}", total.unwrap()));
    }

    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

#[test]
fn a_catalog_asks_the_program_and_is_heard() {
    let catalog = loaded("sound").catalog("test-files").unwrap();
    let query = Query {
        files: ["/x/a.pts", "/x/b.pts", "/x/c.pts"].map(Into::into).to_vec(),
        start: Some(0.1 + 0.2),
        ..Query::default()
    };
    let context = Listening::default();
    let found = catalog.search(&Query { end: Some(1.0), ..query }, &context).unwrap();
    assert_eq!(found.entries.len(), 1);
    assert_eq!(found.entries[0].footprint, Footprint::Shards(vec![3, 5]));
    assert_eq!(found.metadata["catalog"], "test-files");
    assert!(found.incomplete[0].contains("the program broke"), "{:?}", found.incomplete);
    assert_eq!(found.incomplete[1], "/x/c.pts: c.pts is broken");
    let heard = context.0.into_inner().unwrap();
    assert_eq!(heard[0], "1 of 3 files");
    assert!(heard[1].starts_with("left out: ") && heard.len() == 5, "{heard:?}");
}

#[test]
fn a_catalog_lists_buckets_through_the_program() {
    let catalog = loaded("sound").catalog("test-files").unwrap();
    let search = |url: &str| {
        let query = Query { files: vec![url.into()], ..Query::default() };
        catalog.search(&query, &Listening::default())
    };
    let found = search("s3://bucket/2024").unwrap().entries;
    let found: Vec<_> = found.iter().map(|entry| (entry.granule.id.as_str(), entry.granule.size)).collect();
    assert_eq!(found, [("s3://bucket/2024/a.pts", Some(7)), ("s3://bucket/2024/b.pts", Some(u64::MAX))]);
    assert_eq!(search("s3://closed").unwrap_err(), Error::input("s3://closed: access denied"));
}

/// Checks that something is an error about a panic in a method.
#[track_caller]
fn planted<T>(answer: Result<T>, method: &str) {
    let Err(error) = answer else { panic!("no error in {method}") };
    let message = error.message();
    assert_eq!(error.kind(), ErrorKind::Plugin, "{message}");
    assert!(message.starts_with("plugin zagg-test-plugins 0."), "{message}");
    assert!(message.contains(&format!("planted in {method}")), "{message}");
    assert!(message.contains("tests/plugins/src/lib.rs:"), "the place is told: {message}");
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn a_panic_in_every_method_of_a_source_is_an_error() {
    let registry = loaded("sound");
    let (granule, reader) = granule_of_points();
    let ask = |method: &str| -> Result<()> {
        let source = registry.source("test-points", &options(json!({"panic": method})))?;
        source.index_key();
        if method == "open_indexed" {
            source.open_indexed(&granule, Arc::clone(&reader), &json!({}))?;
        }
        let opened = source.open(&granule, Arc::clone(&reader))?;
        opened.column_attributes("height");
        opened.positions(&[0]).remove(0)?;
        opened
            .read(&[ReadRequest { part: 0, rows: Rows::all(1), columns: vec!["height".into()] }])
            .remove(0)?;
        opened.index().map(drop)
    };
    for method in [
        "make",
        "columns",
        "index_key",
        "open_indexed",
        "open",
        "parts",
        "column_attributes",
        "positions",
        "read",
        "index",
    ] {
        planted(caught(|| ask(method)), method);
    }
    assert_eq!(caught(|| ask("drop")), Ok(()), "a panic while dropping is caught too");
    assert_eq!(caught(|| ask("none")), Ok(()));
}

#[test]
fn a_panic_in_every_method_of_a_statistic_is_an_error() {
    let registry = loaded("sound");
    let column = Values::Float64(vec![1.0, 2.0, 3.0]);
    let groups = Groups { offsets: &[0, 1, 3], columns: &[&column] };
    let ask = |method: &str| -> Result<()> {
        let statistic = registry.statistic(&request("test-sum", json!({"panic": method})))?;
        assert_eq!(statistic.reduce(&groups)?.values, Values::Float64(vec![1.0, 5.0]));
        let mergeable = statistic.mergeable().unwrap();
        let states = mergeable.partial(&groups)?;
        let merged = mergeable.merge(&states, &[0, 2])?;
        assert_eq!(mergeable.finish(&merged)?.values, Values::Float64(vec![6.0]));
        Ok(())
    };
    for method in [
        "make",
        "output",
        "inputs",
        "skips_missing",
        "needs_arrival_order",
        "unit_power",
        "mergeable",
        "form",
        "reduce",
        "partial",
        "merge",
        "finish",
    ] {
        planted(caught(|| ask(method)), method);
    }
    for method in ["drop", "none"] {
        assert_eq!(caught(|| ask(method)), Ok(()));
    }
}

#[test]
fn a_panic_in_every_method_of_a_grid_is_an_error() {
    let registry = loaded("sound");
    let ask = |method: &str| -> Result<()> {
        let grid = registry.grid("test-grid", &options(json!({"panic": method})))?;
        grid.level_number(7);
        grid.level_from_number(7)?;
        let (mut cells, mut more) = ([0], [0]);
        grid.locate(&[10.0], &[20.0], &mut cells);
        grid.shards_of(&cells, &mut more);
        let shard = more[0];
        grid.parents(&cells, 5, &mut more);
        grid.parents_of_shards(&[shard], 3, &mut more);
        grid.cover(&Footprint::Points(vec![[10.0, 20.0]]))?;
        grid.offsets_in_shard(shard, 7, &cells, &mut [0]);
        let all = grid.cells_of_shard(shard, 7);
        grid.centres(7, &cells, &mut [0.0], &mut [0.0]);
        let area = Footprint::Box { west: 0.0, south: 0.0, east: 30.0, north: 30.0 };
        let inside = grid.cells_in_area(&[shard], &area)?.remove(0);
        let codes = grid.area_codes(shard, &inside);
        assert_eq!(grid.cells_of_codes(shard, &codes)?, inside);
        assert_eq!(grid.shard_from_key(grid.shard_key(shard))?, shard);
        assert_eq!(grid.shard_from_label(&grid.shard_label(shard))?, shard);
        grid.shard_index(shard);
        grid.group_name(7);
        grid.layout(7);
        grid.places(2, &[0], &mut more);
        grid.root_attributes(&[7, 6], true);
        grid.group_attributes(7, true);
        grid.array_attributes(7, true);
        grid.coordinates(7);
        grid.cell_coordinate("cell_ids", 7, &all)?;
        if method == "whole_coordinate" {
            grid.whole_coordinate("none", 7)?;
        }
        Ok(())
    };
    for method in [
        "make",
        "type_name",
        "signature",
        "leaf_level",
        "shard_level",
        "coarsest_level",
        "level_number",
        "level_from_number",
        "nests_exactly",
        "locate",
        "shards_of",
        "parents",
        "cover",
        "parents_of_shards",
        "offsets_in_shard",
        "cells_of_shard",
        "centres",
        "cells_in_area",
        "area_codes",
        "cells_of_codes",
        "shard_key",
        "shard_from_key",
        "shard_label",
        "shard_from_label",
        "shard_index",
        "group_name",
        "layout",
        "places",
        "root_attributes",
        "group_attributes",
        "array_attributes",
        "coordinates",
        "cell_coordinate",
        "whole_coordinate",
    ] {
        planted(caught(|| ask(method)), method);
    }
    for method in ["drop", "none"] {
        assert_eq!(caught(|| ask(method)), Ok(()), "{method}");
    }
}

#[test]
fn wrong_answers_are_errors_that_name_plugin_and_method() {
    let registry = loaded("faulty");
    let told = |error: Error, pieces: [&str; 2]| {
        assert_eq!(error.kind(), ErrorKind::Plugin, "{error}");
        assert!(pieces.iter().all(|piece| error.message().contains(piece)), "{error}");
        assert!(error.message().contains("zagg-test-plugins"), "{error}");
    };
    let (granule, reader) = granule_of_points();
    for (name, what) in [("short-source", "1 values and 10 flags"), ("mistyped-source", "announced as int16")]
    {
        let opened = registry.source(name, &Map::new()).unwrap().open(&granule, Arc::clone(&reader)).unwrap();
        let request = ReadRequest { part: 0, rows: Rows::all(10), columns: vec!["height".into()] };
        told(opened.read(&[request]).remove(0).unwrap_err(), ["OpenGranule::read", what]);
    }
    let column = Column::complete(Values::Float64(vec![1.0, 2.0, 3.0])).values;
    let groups = Groups { offsets: &[0, 1, 3], columns: &[&column] };
    for (name, what) in
        [("short-sum", "1 values for 2 groups instead of 2"), ("mistyped-sum", "gives float32")]
    {
        let error = registry.statistic(&request(name, json!({}))).unwrap().reduce(&groups).unwrap_err();
        told(error, ["Statistic::reduce", what]);
    }
    let grid = registry.grid("nameless-grid", &Map::new()).unwrap();
    let shard = grid.cover(&Footprint::Points(vec![[0.0, 0.0]])).unwrap()[0];
    let cells = grid.cells_of_shard(shard, 7);
    told(
        grid.cell_coordinate("cell_ids", 7, &cells).unwrap_err(),
        ["Grid::cell_coordinate", "an id in cell_ids that is none"],
    );
    let grid = registry.grid("stray-grid", &Map::new()).unwrap();
    let strays = caught(|| {
        let (mut cells, mut shards) = ([0], [0]);
        grid.locate(&[0.0], &[0.0], &mut cells);
        grid.shards_of(&cells, &mut shards);
        Ok(())
    });
    told(strays.unwrap_err(), ["Grid::shards_of gave this shard", "shard"]);
    let query = Query { files: vec!["/x/a.pts".into()], ..Query::default() };
    for (name, what) in [("nameless-files", "the id \"\""), ("lost-files", "which is no position")] {
        let error = registry.catalog(name).unwrap().search(&query, &Listening::default()).unwrap_err();
        told(error, ["Catalog::search", what]);
    }
    let states = States::fixed(1, vec![1.0, 2.0]);
    let forgetful = registry.statistic(&request("forgetful-sum", json!({}))).unwrap();
    assert!(forgetful.mergeable().unwrap().merge(&states, &[0, 3]).is_err());
}

#[test]
fn a_library_that_is_named_twice_is_loaded_once_and_names_that_clash_name_both_origins() {
    let path = library("sound");
    let mut registry = Registry::linked().unwrap();
    registry.load(&[path.clone(), path.clone()]).unwrap();
    let error = registry.load(&[path]).unwrap_err();
    assert!(error.message().contains("is offered twice: by zagg-test-plugins 0."), "{error}");
    assert_eq!(error.message().matches("libsound.so").count(), 2, "{error}");
}

#[test]
fn libraries_for_other_versions_are_refused_in_one_line() {
    for (name, version) in [("older", "0.0.9"), ("newer", "0.2.0")] {
        let error = Registry::default().load(&[library(name)]).unwrap_err();
        let message = error.message();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(
            message.contains(&format!("built for zagg-core {version}, this program has zagg-core 0.1.")),
            "{message}"
        );
        assert!(message.contains("build the plugin again") && message.len() < 500, "{message}");
    }
}
