//! The real function behind the endpoint, on the server of buckets: whatever is lost, late, doubled or killed on the way, the store
//! is that of a local run, byte for byte.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde_json::json;
use zagg_access::{BucketFolder, Loan, Secret, StoreChain};
use zagg_core::config::StoreAccess;
use zagg_core::plan::PlanOptions;
use zagg_core::time::date_text;
use zagg_function::{Function, Invocation, Level, Log, Machine, registry};
use zagg_lambda::aws::AwsInvoke;
use zagg_lambda::credentials::Lend;
use zagg_lambda::event::Event;
use zagg_lambda::executor::{Credentials, LambdaExecutor, Outcome, Parts};
use zagg_lambda::policy::Policy;
use zagg_local::LocalExecutor;
use zagg_tests::s3_server::{Account, S3Server};
use zagg_zarr::ZarrStore;

use crate::alone::alone;
use crate::endpoint::{client, endpoint, fast};
use crate::job::Job;
use crate::world::{HUSH, Watcher, Weather, World, fleet};

type Tree = BTreeMap<String, Bytes>;

/// Much of what goes wrong, so that some of it meets some ten shards. The seconds go by before a function begins.
const WEATHER: Weather = Weather {
    throttled: 50,
    busy: 50,
    dropped: 50,
    lost: 150,
    temporary: 0,
    error: 80,
    memory: 40,
    timeout: 40,
    stragglers: 150,
    seconds: 0.02,
    straggling: 200.0,
    limit: 4.0,
    concurrency: 1_000,
    credentials_end: u64::MAX,
    too_large: None,
};

/// Environments of the function. Each has one event at a time.
struct Environments {
    idle: Mutex<Vec<Function>>,
    log: Lines,
}

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

impl Environments {
    /// What the function answers, and whether it failed.
    fn run(&self, event: &Event) -> (Bytes, bool) {
        let idle = self.idle.lock().unwrap().pop();
        let function = idle.unwrap_or_else(|| {
            let machine = Machine { memory_mib: Some(2_048), processors: 2 };
            Function::new(registry(None).unwrap(), machine, Log::new(Level::Debug, self.log.clone())).unwrap()
        });
        let deadline = SystemTime::now() + Duration::from_secs(600);
        let invocation = Invocation { request_id: format!("request-{}", event.attempt), deadline };
        let answer = function.handle(&event.to_bytes().unwrap(), &invocation);
        self.idle.lock().unwrap().push(function);
        match answer {
            Ok(answer) => (answer.to_string().into(), false),
            Err(failure) => {
                let said = json!({"errorType": failure.kind, "errorMessage": failure.message});
                (said.to_string().into(), true)
            }
        }
    }
}

fn chain() -> StoreChain {
    StoreChain::new(&StoreAccess::default(), None).unwrap()
}

fn in_bucket(folder: &BucketFolder) -> Tree {
    let names = folder.list("").unwrap();
    let objects = folder.get_all(&names, 1 << 30).unwrap();
    names.into_iter().zip(objects).filter_map(|(name, bytes)| Some((name, bytes?))).collect()
}

fn on_disk(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
                tree.insert(name, std::fs::read(path).unwrap().into());
            }
        }
    }
    tree
}

fn assert_same(found: &Tree, want: &Tree, what: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{what}");
    for (name, bytes) in found {
        assert!(want[name] == bytes, "{what}: {name} has other bytes");
    }
}

/// Keys that have ended first, then such that are good for an hour.
fn lend() -> Lend {
    let times = AtomicUsize::new(0);
    Arc::new(move || {
        let n = times.fetch_add(1, Ordering::SeqCst) + 1;
        let now = SystemTime::now();
        let ends = if n == 1 { now - Duration::from_secs(60) } else { now + Duration::from_secs(3_600) };
        let seconds = ends.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        let document = json!({
            "archive": "nsidc", "accessKeyId": format!("ASIA{n}"), "secretAccessKey": HUSH, "sessionToken": HUSH,
            "expiration": date_text(seconds),
        });
        let document = Secret::new(document.to_string());
        Ok(Some(Loan { archive: Some("nsidc".into()), ends: Some(ends), document }))
    })
}

/// A run by the real function into a store; gives what came of it once nothing runs any more.
fn run(job: &Job, place: &str, waited: usize) -> (Arc<World>, Outcome) {
    let log = Lines::default();
    let environments = Environments { idle: Mutex::default(), log: log.clone() };
    let beside = chain().bucket_folder(place).unwrap().beside(".zagg").unwrap();
    let folder = beside.location().to_string();
    let mut world = World::with(WEATHER, Arc::new(beside));
    world.function = Some(Box::new(move |event| {
        if event.attempt % 4 != 0 {
            return environments.run(event);
        }
        // Lambda delivers events at least once: two environments have this one at the same time.
        std::thread::scope(|scope| {
            let twin = scope.spawn(|| environments.run(event));
            let answer = environments.run(event);
            assert_eq!(twin.join().unwrap().1, answer.1);
            answer
        })
    }));
    let world = Arc::new(world);
    let server = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let runtime = zagg_lambda::runtime().unwrap();
    // Bytes are what counts here: nothing is given up.
    let policy = Policy {
        most_runs: 60,
        after_lost: 20,
        after_timeout: 20,
        after_memory: 20,
        after_error: 20,
        after_temporary: 20,
        after_credentials: 30,
        most_busy: 60,
        backup: (5, 0.5, 2.0),
        pause: (Duration::from_millis(50), Duration::from_millis(500)),
        ..fast()
    };
    let executor = LambdaExecutor::new(Parts {
        runtime: &runtime,
        invoke: Arc::new(AwsInvoke::new(client(&endpoint(&server, &world)))),
        objects: Arc::clone(&world.objects),
        folder,
        registry: &job.registry,
        plan: PlanOptions { store: place.to_string(), ..PlanOptions::default() },
        credentials: Credentials::Lent(lend()),
        policy,
        fleet: fleet(8, waited, 7.0),
        seconds_per_granule: None,
    });
    let run = job.run(ZarrStore::open_with(place, &chain()).unwrap());
    let summary = run.execute(&executor, &Watcher::new(usize::MAX)).unwrap();
    assert_eq!(summary.exit_code(), 0);
    let begun = Instant::now();
    while world.active.load(Ordering::SeqCst) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "functions do not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Answers that come when nobody waits for them: every event once more, after the end of the run.
    let events = world.events.lock().unwrap().clone();
    for event in events.iter().rev() {
        let _ = world.function.as_ref().unwrap()(&Event::parse(event).unwrap());
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("shard done") && !log.contains(HUSH), "{log}");
    (world, executor.outcome().unwrap())
}

#[test]
fn lost_late_and_doubled_answers_leave_the_bytes_of_a_local_run() {
    let owner = Account::new("owner").session("tok/en+==");
    let server = S3Server::start();
    server.bucket("own-bucket", &[&owner]);
    let url = server.server.url();
    let variables = [
        ("AWS_ACCESS_KEY_ID", owner.key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", &owner.secret),
        ("AWS_SESSION_TOKEN", "tok/en+=="),
        ("AWS_ENDPOINT_URL_S3", &url),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    alone("real::on_a_bucket", &variables);
}

#[test]
#[ignore = "run by another test in a process of its own, with a bucket in its environment"]
fn on_a_bucket() {
    if std::env::var_os("AWS_ENDPOINT_URL_S3").is_none() {
        println!("skipped: AWS_ENDPOINT_URL_S3 names no server of buckets");
        return;
    }
    let job = Job::new(24);
    let local = job.path("out.zarr");
    job.run(ZarrStore::open_path(&local).unwrap())
        .execute(&LocalExecutor::default(), &Watcher::new(usize::MAX))
        .unwrap();
    let want = on_disk(&local);
    let mut backups = 0;
    for (waited, what) in [(8, "waited for"), (0, "queued")] {
        let place = format!("s3://own-bucket/{}/out.zarr", what.replace(' ', "-"));
        let (world, outcome) = run(&job, &place, waited);
        let folder = chain().bucket_folder(&place).unwrap();
        assert_same(&in_bucket(&folder), &want, what);
        let tally = &outcome.tally;
        println!(
            "{what}: {} shards in {} calls; {:?}; {} backups; {} shards more than once",
            job.shards(),
            tally.calls,
            tally.faults,
            tally.backups,
            tally.repeated.len()
        );
        backups += tally.backups;
        assert!(tally.faults.contains_key("credentials") && tally.faults.contains_key("lost response"));
        assert!(!tally.repeated.is_empty() && outcome.warnings.is_empty(), "{:?}", outcome.warnings);
        // No secret is left anywhere, nor anything that only the run needed.
        let beside = in_bucket(&folder.beside(".zagg").unwrap());
        for (name, bytes) in &beside {
            assert!(!name.starts_with("credentials/") && name != "lock", "{name}");
            assert!(!String::from_utf8_lossy(bytes).contains(HUSH), "{name} holds a secret");
        }
        for text in
            world.events.lock().unwrap().iter().map(|event| String::from_utf8_lossy(event).into_owned())
        {
            assert!(text.contains("/credentials/") && !text.contains(HUSH), "{text}");
        }
        let letters = world.letters.lock().unwrap();
        assert!(waited > 0 || !letters.is_empty());
        assert!(letters.iter().all(|letter| !letter.contains(HUSH)));
    }
    assert!(backups > 0);
}
