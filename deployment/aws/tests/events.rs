//! Events on a function in this process, with plan, store and granules in folders.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use zagg_access::{Access, StoreChain};
use zagg_atl06::synthetic::{Direction, GranuleSpec, write_granule};
use zagg_core::config::{Layer, Layers, Pipeline, StoreAccess};
use zagg_core::footprint::Footprint;
use zagg_core::granule::{CatalogEntry, Driver, Granule};
use zagg_core::granules::Located;
use zagg_core::plan::{Claim, NewPlan, PlanOptions, WorkPlan};
use zagg_core::run::{Run, RunOptions};
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::source::OpenObject;
use zagg_function::{Failure, Function, Invocation, Level, Log, Machine, registry};
use zagg_lambda::event::{Event, EventTask, Holder, Mode, PlanPointer, Response, TaskErrorClass};
use zagg_worker::{PlanPlace, default_uri, publish};
use zagg_zarr::ZarrStore;

/// A log that tests read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A planned store of two made-up granules, and the function.
struct World {
    folder: tempfile::TempDir,
    new: NewPlan,
    uri: String,
    function: Function,
    lines: Lines,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(None).unwrap();
        let mut layers = Layers::default();
        layers.push(Layer::parse("preset", registry.preset("atl06").unwrap()).unwrap());
        let pipeline = Pipeline::parse(&layers).unwrap();
        let map = shard_map(folder.path(), &pipeline);
        let place = folder.path().join("out.zarr").to_str().unwrap().to_string();
        let store = Arc::new(ZarrStore::open(&place).unwrap());
        let opener = Arc::new(Access::default());
        let run = Run::new(pipeline, &map, &registry, opener, store, &RunOptions::default()).unwrap();
        let options = PlanOptions { store: place.clone(), ..PlanOptions::default() };
        let new = WorkPlan::of(&run, &registry, &options).unwrap();
        let chain = StoreChain::new(&StoreAccess::default(), None).unwrap();
        let at = PlanPlace::open(&default_uri(&place), &chain).unwrap();
        let claim = Claim { plan: at.uri().to_string(), digest: new.plan.digest().unwrap() };
        run.give_to_workers(false, &claim, &mut || publish(&at, &new, false).map(drop)).unwrap();
        let machine = Machine { memory_mib: Some(2048), processors: 2 };
        let lines = Lines::default();
        let function = Function::new(registry, machine, Log::new(Level::Debug, lines.clone())).unwrap();
        let uri = at.uri().to_string();
        Self { folder, new, uri, function, lines }
    }

    fn event(&self, indexes: &[u64]) -> Event {
        let plan = PlanPointer { uri: self.uri.clone(), digest: self.new.plan.digest().unwrap() };
        Event {
            mode: Mode::Process,
            run: "r".into(),
            plan: Some(plan),
            tasks: indexes.iter().map(|&index| EventTask { index, task: None }).collect(),
            holder: Holder::Plan,
            ..Event::ping()
        }
    }

    fn call(&self, event: &Event, seconds: u64) -> Result<Response, Failure> {
        let bytes = event.to_bytes().unwrap();
        let answer = self.function.handle(&bytes, &invocation(seconds))?;
        Ok(Response::parse(answer.to_string().as_bytes()).unwrap())
    }

    /// The class of the refusal of the only task, and why.
    fn refused(&self, event: &Event, seconds: u64) -> (TaskErrorClass, String) {
        let response = self.call(event, seconds).unwrap();
        let error = response.outcomes[0].error.clone().unwrap();
        (error.class, error.message)
    }
}

fn invocation(seconds: u64) -> Invocation {
    let deadline = SystemTime::now() + Duration::from_secs(seconds);
    Invocation { request_id: "request-1".into(), deadline }
}

fn shard_map(folder: &Path, pipeline: &Pipeline) -> ShardMap {
    let registry = registry(None).unwrap();
    let grid = registry.grid(&pipeline.output.grid_type, &pipeline.output.grid).unwrap();
    let source = &pipeline.data_source;
    let source = registry.source(&source.reader, &source.options).unwrap();
    let tracks = [
        ("ATL06_20240103031520_02612211_006_01.h5", 59.0, Direction::Descending),
        ("ATL06_20240107030701_03222211_006_01.h5", 60.5, Direction::Ascending),
    ];
    let entries = tracks.map(|(name, longitude, direction)| {
        let spec = GranuleSpec { segments_per_beam: 300, ..GranuleSpec::new(name) };
        let path = folder.join(name);
        std::fs::write(&path, write_granule(&spec.through(-80.0, longitude, direction).unwrap()).unwrap())
            .unwrap();
        let file = path.to_str().unwrap().to_string();
        let granule = Granule { id: name.into(), file: Some(file), ..Granule::default() };
        let reader = Access::default().open(granule.href(Driver::File).unwrap()).unwrap();
        let located = Located::new(source.open(&granule, reader).unwrap(), &*grid).unwrap();
        CatalogEntry { granule, footprint: Footprint::Shards(located.shards(&*grid)) }
    });
    ShardMap::build(&*grid, &entries, Map::new(), &BuildOptions::default()).unwrap()
}

#[test]
fn a_ping_says_who_is_there() {
    let world = World::new();
    let bytes = Event::ping().to_bytes().unwrap();
    let answer = world.function.handle(&bytes, &invocation(900)).unwrap();
    assert_eq!(answer["worker"]["cold"], true);
    assert_eq!((&answer["ping"]["memoryMib"], &answer["ping"]["workers"]), (&json!(2048), &json!(2)));
    let plugins = answer["ping"]["plugins"].to_string();
    assert!(plugins.contains("zagg-atl06 ") && plugins.contains("zagg-healpix "), "{plugins}");
    let warm = world.function.handle(&bytes, &invocation(900)).unwrap();
    assert_eq!(warm["worker"]["cold"], false);
}

#[test]
fn tasks_are_run_in_order_whether_they_come_along_or_not() {
    let world = World::new();
    let count = world.new.tasks.len() as u64;
    assert!(count >= 2, "{count} tasks");
    let indexes: Vec<u64> = (0..count).rev().collect();
    let mut event = world.event(&indexes);
    event.attempt = 3;
    event.tasks[0].task = world.new.tasks.last().cloned();
    let response = world.call(&event, 900).unwrap();
    assert_eq!(response.attempt, 3);
    let ran: Vec<u64> = response.outcomes.iter().map(|outcome| outcome.index).collect();
    assert_eq!(ran, indexes);
    for outcome in &response.outcomes {
        assert!(outcome.error.is_none(), "{outcome:?}");
        assert_eq!(outcome.shard, world.new.tasks[outcome.index as usize].shard);
    }
    let kept: u64 = response.outcomes.iter().map(|outcome| outcome.report.as_ref().unwrap().rows_kept).sum();
    assert!(kept > 0);
    // The log has a line for each shard and one for the invocation, all of them JSON with its id.
    let text = world.lines.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as u64, count + 1, "{text}");
    assert!(lines.iter().all(|line| line["requestId"] == "request-1"), "{text}");
    assert_eq!(lines.last().unwrap()["notDone"], 0);
}

#[test]
fn what_cannot_be_done_is_refused_by_class() {
    let world = World::new();
    let event = world.event(&[0]);
    // 5 s are for the answer, and 10 ms for each granule.
    assert_eq!(world.refused(&event, 5).0, TaskErrorClass::Deadline);
    let expected = Event { expected_seconds: Some(100.0), ..event.clone() };
    let (class, why) = world.refused(&expected, 60);
    assert_eq!(class, TaskErrorClass::Deadline);
    assert!(why.contains("need 105 s at least; raise the timeout"), "{why}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let late = Event { not_after: Some(now - 1), ..event.clone() };
    assert_eq!(world.refused(&late, 900).0, TaskErrorClass::Expired);
    assert_eq!(world.refused(&world.event(&[1_000_000]), 900).0, TaskErrorClass::Event);
    let mut other = event.clone();
    other.tasks[0].task = Some(world.new.tasks[1].clone());
    assert_eq!(world.refused(&other, 900).0, TaskErrorClass::Event);
    let mut other = event.clone();
    other.plan.as_mut().unwrap().digest = "0".repeat(64);
    let (class, why) = world.refused(&other, 900);
    assert!(class == TaskErrorClass::Plan && why.contains("another one than was dispatched"), "{why}");
    let mut other = event.clone();
    other.plan.as_mut().unwrap().uri = world.folder.path().join("no/plan").to_str().unwrap().into();
    assert_eq!(world.refused(&other, 900).0, TaskErrorClass::Plan);
    std::fs::remove_file(world.folder.path().join("out.zarr/zarr.json")).unwrap();
    assert_eq!(world.refused(&event, 900).0, TaskErrorClass::Store);
}

#[test]
fn lent_credentials_must_be_there_and_outlast_the_task() {
    let world = World::new();
    let path = world.folder.path().join("lent.json");
    let lend = |seconds: i64| {
        let ends = UNIX_EPOCH.elapsed().unwrap().as_secs_f64() + seconds as f64;
        let ends = zagg_core::time::date_text(ends);
        let text =
            json!({"accessKeyId": "ASIA1", "secretAccessKey": "TOP-SECRET", "expiration": ends}).to_string();
        std::fs::write(&path, text).unwrap();
    };
    let with = |name: &str| {
        let text = json!({"uri": world.folder.path().join(name).to_str().unwrap()});
        Event { credentials: Some(serde_json::from_value(text).unwrap()), ..world.event(&[0]) }
    };
    let (class, why) = world.refused(&with("gone.json"), 900);
    assert!(class == TaskErrorClass::Credentials && why.contains("has been taken away"), "{why}");
    lend(-60);
    let (class, why) = world.refused(&with("lent.json"), 900);
    assert!(class == TaskErrorClass::Credentials && why.contains("was not renewed"), "{why}");
    std::thread::sleep(Duration::from_millis(2_100));
    lend(20);
    let long = Event { expected_seconds: Some(100.0), ..with("lent.json") };
    let (class, why) = world.refused(&long, 900);
    assert!(class == TaskErrorClass::Credentials && why.contains("the task needs 100 s at least"), "{why}");
    assert!(world.call(&with("lent.json"), 900).unwrap().outcomes[0].report.is_some());
    // Renewed meanwhile: read again before the task is refused.
    lend(500);
    std::thread::sleep(Duration::from_millis(2_100));
    assert!(world.call(&long, 900).unwrap().outcomes[0].report.is_some());
    // More than ten minutes no task needs at its start: it reads them again before their end.
    let longer = Event { expected_seconds: Some(5_000.0), ..with("lent.json") };
    let (class, why) = world.refused(&longer, 6_000);
    assert!(class == TaskErrorClass::Credentials && why.contains("the task needs 600 s at least"), "{why}");
    lend(660);
    std::thread::sleep(Duration::from_millis(2_100));
    assert!(world.call(&longer, 6_000).unwrap().outcomes[0].report.is_some());
    assert!(!world.lines.text().contains("TOP-SECRET"));
}

#[test]
fn an_event_that_is_none_and_an_answer_without_a_place_fail_as_a_whole() {
    let world = World::new();
    let fails = |bytes: &[u8]| world.function.handle(bytes, &invocation(900)).unwrap_err();
    let failure = fails(br#"{"version": 1, "mode": "TOP-SECRET"}"#);
    assert!(failure.kind == "Event" && !failure.message.contains("TOP-SECRET"), "{failure:?}");
    let failure = fails(br#"{"version": 9, "mode": "ping"}"#);
    assert!(failure.message.contains("deploy the function of the same version"), "{failure:?}");
    let event = Event { status_uri: Some("/answer.json".into()), ..world.event(&[0]) };
    let failure = world.call(&event, 900).unwrap_err();
    assert!(failure.kind == "Status" && failure.message.contains("is no place for an answer"), "{failure:?}");
    // It is logged, too.
    assert!(world.lines.text().contains("is no place for an answer"));
}
