//! Workers of a plan: real processes, as a job array starts them.

mod ending;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::{Bench, Ended};

/// A way to damage a document.
type Edit<'a> = &'a dyn Fn(&mut Value);

/// Variables that say where a worker stands; those of whoever runs the tests are none of its.
const VARIABLES: [&str; 8] = [
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_COUNT",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_MAX",
    "SLURM_ARRAY_TASK_STEP",
    "AWS_BATCH_JOB_ARRAY_INDEX",
    "AWS_BATCH_JOB_ARRAY_SIZE",
    "JOB_COMPLETION_INDEX",
];

const PLAN: &str = "out.zarr.zagg/work";

impl Bench {
    fn plan(&self, more: &[&str]) -> Ended {
        self.zagg(
            &[&["plan", "--plugin", "atl06", "--catalog", "map.json", "--store", "out.zarr"], more].concat(),
        )
    }

    /// A worker with these arguments, in an environment that says this.
    fn start_worker(&self, arguments: &[&str], environment: &[(&str, String)]) -> Child {
        let mut command = self.command(&[&["worker", "--plan", PLAN, "--workers", "1"], arguments].concat());
        VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn worker(&self, arguments: &[&str]) -> Ended {
        ended(self.start_worker(arguments, &[]))
    }

    fn finalize_plan(&self, more: &[&str]) -> Ended {
        self.zagg(&[&["finalize", "--plan", PLAN], more].concat())
    }

    /// Runs all workers of an array side by side, as SLURM would start them.
    fn array(&self, count: usize) -> Vec<Ended> {
        let workers: Vec<Child> = (0..count).map(|n| self.start_worker(&[], &slurm(n, count))).collect();
        workers.into_iter().map(ended).collect()
    }

    /// The plan in `out.zarr.zagg/work` and the template, and the same map run into `whole.zarr`.
    fn planned() -> Self {
        let bench = Self::with_map();
        bench.run_into("whole.zarr", &[]).exits(0);
        bench.plan(&[]).exits(0);
        bench
    }

    #[track_caller]
    fn is_whole(&self) {
        let (got, want) = (self.tree("out.zarr"), self.tree("whole.zarr"));
        assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>());
        assert!(got == want, "the stores differ");
    }

    fn tasks(&self) -> u64 {
        self.json(&format!("{PLAN}/plan.json"))["tasks"].as_u64().unwrap()
    }
}

fn slurm(id: usize, count: usize) -> Vec<(&'static str, String)> {
    vec![
        ("SLURM_ARRAY_TASK_ID", id.to_string()),
        ("SLURM_ARRAY_TASK_COUNT", count.to_string()),
        ("SLURM_ARRAY_TASK_MIN", "0".to_string()),
        ("SLURM_ARRAY_TASK_MAX", (count - 1).to_string()),
        ("SLURM_ARRAY_TASK_STEP", "1".to_string()),
    ]
}

fn ended(child: Child) -> Ended {
    Ended::of(child.wait_with_output().unwrap())
}

#[test]
fn an_array_of_eight_makes_the_store_that_one_run_makes() {
    let bench = Bench::planned();
    assert_eq!(bench.state(), "open");
    for said in bench.array(8) {
        said.exits(0);
    }
    assert_eq!(bench.state(), "open", "only finalize says that a store is complete");
    let said = bench.finalize_plan(&["--format", "json"]).exits(0).json();
    assert_eq!((&said["state"], &said["shards_done"]), (&json!("complete"), &json!(bench.tasks())));
    bench.is_whole();
    bench.zagg(&["validate", "out.zarr"]).exits(0);
    // Every task has left its status, and all together the report that a run leaves.
    assert_eq!(bench.tree("out.zarr.zagg/status").len() as u64, bench.tasks());
    let (ours, runs) = (bench.json("out.zarr.zagg/report.json"), bench.json("whole.zarr.zagg/report.json"));
    for key in ["shards", "shards_done", "cells", "rows_read", "rows_kept", "parts_absent", "state", "holes"]
    {
        assert_eq!(ours["summary"][key], runs["summary"][key], "{key}");
    }
    assert_eq!(ours["tasks"].as_array().unwrap().len(), runs["tasks"].as_array().unwrap().len());
}

#[test]
fn fewer_workers_than_tasks_and_more_do_all_of_them_whoever_counts_them() {
    let bench = Bench::planned();
    let tasks = bench.tasks();
    assert!(tasks > 3, "{tasks}");
    let ran = |said: Ended| {
        let said = said.exits(0).json();
        let tasks = said["tasks"].as_array().unwrap().iter();
        tasks
            .filter(|task| task["skipped"] == false)
            .map(|task| task["index"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let json = ["--format", "json"];
    assert_eq!(ran(bench.worker(&[&["--index", "1"], &json[..]].concat())), [1]);
    let one = vec![("JOB_COMPLETION_INDEX", "2".to_string())];
    assert_eq!(ran(ended(bench.start_worker(&json, &one))), [2]);
    // As one of three: what is done already is left as it is.
    let batch = |index: &str, size: &str| {
        vec![("AWS_BATCH_JOB_ARRAY_INDEX", index.to_string()), ("AWS_BATCH_JOB_ARRAY_SIZE", size.to_string())]
    };
    let want: Vec<u64> = (0..tasks).step_by(3).collect();
    assert_eq!(ran(ended(bench.start_worker(&json, &batch("0", "3")))), want);
    let want: Vec<u64> = (4..tasks).step_by(3).collect();
    assert_eq!(ran(bench.worker(&[&["--index", "1", "--of", "3"], &json[..]].concat())), want);
    // One number with the size on the command line, as an array that is submitted again in part.
    let part = slurm(2, 3).into_iter().take(1).collect::<Vec<_>>();
    let want: Vec<u64> = (5..tasks).step_by(3).collect();
    assert_eq!(ran(ended(bench.start_worker(&["--of", "3", "--format", "json"], &part))), want);
    assert_eq!(ran(ended(bench.start_worker(&json, &batch("9999", "10000")))), [0; 0]);
    bench.finalize_plan(&[]).exits(0);
    bench.is_whole();
    assert_eq!(ran(bench.worker(&["--index", "0", "--format", "json"])), [0; 0], "nothing is left to do");
    let said = bench.worker(&["--index", &tasks.to_string()]).exits(1);
    assert!(said.err.contains(&format!("there is no task {tasks}; the plan has {tasks} tasks")), "{said:?}");
    let said = bench.worker(&[]).exits(2);
    assert!(said.err.contains("which task? give --index N"), "{said:?}");
    let said = bench.worker(&["--index", "3", "--of", "3"]).exits(1);
    assert!(said.err.contains("counted from 0 to 2"), "{said:?}");
}

#[test]
fn workers_that_are_killed_leave_what_the_next_array_finishes() {
    let bench = Bench::planned();
    for delay in [20, 60, 120] {
        let mut workers: Vec<Child> = (0..3).map(|n| bench.start_worker(&[], &slurm(n, 3))).collect();
        std::thread::sleep(Duration::from_millis(delay));
        for worker in &mut workers {
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
        let said = bench.zagg(&["finalize", "--plan", PLAN]);
        let state = bench.state();
        // Whatever there is is not called complete unless it is.
        match said.code {
            Some(0) => bench.is_whole(),
            Some(3 | 1) => assert_ne!(state, "complete"),
            other => panic!("{other:?}: {}", said.err),
        }
        bench.plan(&[]).exits(0);
    }
    for said in bench.array(3) {
        said.exits(0);
    }
    bench.finalize_plan(&[]).exits(0);
    bench.is_whole();
    assert!(!bench.exists("out.zarr.zagg/tmp"), "scratch files are swept");
}

#[test]
fn two_workers_on_one_shard_leave_the_same_bytes() {
    let bench = Bench::planned();
    let tasks = bench.tasks();
    for index in 0..tasks {
        let index = index.to_string();
        let both: Vec<Child> =
            (0..2).map(|_| bench.start_worker(&["--index", &index, "--redo"], &[])).collect();
        for worker in both {
            ended(worker).exits(0);
        }
    }
    bench.finalize_plan(&[]).exits(0);
    bench.is_whole();
}

#[test]
fn a_plan_is_made_once_and_says_the_same_when_it_is_made_again() {
    let bench = Bench::with_map();
    let first = bench.plan(&["--format", "json"]).exits(0).json();
    assert_eq!((&first["template"], &first["published"]), (&json!("new"), &json!("new")));
    bench.worker(&["--index", "0"]).exits(0);
    let (store, beside) = (bench.tree("out.zarr"), bench.tree("out.zarr.zagg"));
    let again = bench.plan(&["--format", "json"]).exits(0).json();
    assert_eq!((&again["template"], &again["published"]), (&json!("existing"), &json!("existing")));
    assert_eq!(again["digest"], first["digest"]);
    assert_eq!((bench.tree("out.zarr"), bench.tree("out.zarr.zagg")), (store, beside));
    // Another pipeline, another part of the map, or another place: the store stays with the plan that it was given to.
    bench.write("more.yaml", "aggregation: {variables: {more: {function: max, source: h_li}}}");
    let said = bench.plan(&["--config", "more.yaml"]).exits(1);
    assert!(said.err.contains("is given to the workers of the plan"), "{said:?}");
    let said = bench.plan(&["--max-cells", "1"]).exits(1);
    assert!(said.err.contains("is given to the workers of the plan"), "{said:?}");
    bench.plan(&["--overwrite"]).exits(1);
    bench.plan(&["--output", "elsewhere"]).exits(0);
    bench.zagg(&["worker", "--plan", "elsewhere", "--index", "1"]).exits(0);
    // The places are absolute: a worker may begin anywhere.
    let plan = bench.json(&format!("{PLAN}/plan.json"));
    assert!(plan["store"].as_str().unwrap().starts_with('/'), "{plan}");
    // Another plan in the place of this one is refused before anything is changed.
    bench
        .zagg(&["plan", "--plugin", "atl06", "--catalog", "map.json", "--store", "b.zarr", "--output", PLAN])
        .exits(1);
}

#[test]
fn runs_and_workers_keep_out_of_each_others_way() {
    let bench = Bench::planned();
    for more in [&[][..], &["--overwrite"], &["--dry-run"]] {
        let said = bench.run(more).exits(1);
        assert!(said.err.contains("is given to the workers of the plan"), "{said:?}");
        assert!(said.err.contains("--release") && said.err.lines().count() == 1, "{said:?}");
    }
    let said = bench.finalize_plan(&[]).exits(1);
    assert!(said.err.contains("run zagg worker first"), "{said:?}");
    bench.finalize_plan(&["--release"]).exits(3);
    bench.run(&["--dry-run"]).exits(0);
    bench.plan(&[]).exits(0);
    bench.worker(&["--index", "0"]).exits(0);
    let said = bench.finalize_plan(&["--release"]).exits(3);
    assert!(said.err.contains("not run"), "{said:?}");
    // Now the store is a run's, and no worker's.
    let said = bench.worker(&["--index", "1"]).exits(1);
    assert!(said.err.contains("is not given to the workers of this plan any more"), "{said:?}");
    bench.worker(&["--index", "0"]).exits(0);
    bench.run(&[]).exits(0);
    bench.is_whole();
    // And the other way round: a plan gives it to workers again, who find all of it done.
    bench.plan(&[]).exits(0);
    assert_eq!(bench.state(), "open");
    bench.worker(&["--index", "0", "--of", "1"]).exits(0);
    bench.finalize_plan(&[]).exits(0);
    bench.is_whole();
    bench.run(&[]).exits(0);
}

#[test]
fn a_worker_needs_the_template_of_its_plan() {
    let bench = Bench::with_map();
    let said = bench.worker(&["--index", "0"]).exits(1);
    assert!(said.err.contains("there is no plan at ") && said.err.contains("zagg plan --output"), "{said:?}");
    bench.plan(&["--output", "plan"]).exits(0);
    let worker = |bench: &Bench| bench.zagg(&["worker", "--plan", "plan", "--index", "0"]);
    fs::rename(bench.path("out.zarr"), bench.path("away.zarr")).unwrap();
    let said = worker(&bench).exits(1);
    assert!(said.err.contains("there is no template yet; run zagg plan first"), "{said:?}");
    assert!(!bench.exists("out.zarr"), "a worker makes no store");
    // A store of another pipeline in its place.
    bench.write("more.yaml", "aggregation: {variables: {more: {function: max, source: h_li}}}");
    fs::rename(bench.path("out.zarr.zagg"), bench.path("away.zarr.zagg")).unwrap();
    bench.run(&["--config", "more.yaml"]).exits(0);
    let before = bench.tree("out.zarr");
    let said = worker(&bench).exits(1);
    assert!(said.err.contains("was made by another pipeline, grid or shard map than the plan"), "{said:?}");
    bench.zagg(&["finalize", "--plan", "plan"]).exits(1);
    assert_eq!(bench.tree("out.zarr"), before);
}

#[test]
fn damaged_plans_are_refused_in_one_line_and_nothing_is_written() {
    let bench = Bench::planned();
    let (document, block) = (format!("{PLAN}/plan.json"), format!("{PLAN}/tasks/000000.json"));
    let (whole, tasks) = (fs::read(bench.path(&document)).unwrap(), fs::read(bench.path(&block)).unwrap());
    let before = bench.tree("out.zarr");
    let refused = |what: &str, said: Ended| {
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{what}: {said:?}");
        assert_eq!(
            said.err.lines().filter(|line| line.starts_with("zagg: error: ")).count(),
            1,
            "{what}: {said:?}"
        );
        assert_eq!(bench.tree("out.zarr"), before, "{what}");
        assert!(!bench.exists("out.zarr.zagg/status"), "{what}");
    };
    let edits: [(&str, Edit<'_>); 14] = [
        ("version", &|plan| plan["version"] = json!(2)),
        ("no version", &|plan| plan["version"] = json!(null)),
        ("another program", &|plan| plan["zagg"] = json!("0.0.1")),
        ("a relative store", &|plan| plan["store"] = json!("out.zarr")),
        ("another store", &|plan| plan["store"] = json!("/nowhere/out.zarr")),
        ("a password", &|plan| plan["store_access"]["endpoint_url"] = json!("https://user:hush@host")),
        ("identity", &|plan| plan["identity"] = json!("0".repeat(64))),
        ("no tasks", &|plan| plan["tasks"] = json!(0)),
        ("many tasks", &|plan| plan["tasks"] = json!(u64::MAX)),
        ("blocks", &|plan| plan["blocks"] = json!(["0".repeat(64)])),
        ("a plugin", &|plan| plan["plugins"] = json!(["no-such-plugin 1.0.0"])),
        ("the pipeline", &|plan| plan["product"]["pipeline"]["aggregation"]["variables"] = json!({})),
        ("a shard", &|plan| plan["product"]["shards"] = json!({"x": [0]})),
        ("a granule", &|plan| plan["product"]["granules"] = json!([])),
    ];
    for (what, edit) in edits {
        let mut plan: Value = serde_json::from_slice(&whole).unwrap();
        edit(&mut plan);
        bench.write(&document, plan.to_string());
        let said = bench.worker(&["--index", "0"]);
        assert!(!said.err.contains("hush"), "{what}: {said:?}");
        refused(what, said);
    }
    for length in [0, 1, whole.len() / 2, whole.len() - 3] {
        bench.write(&document, &whole[..length]);
        refused(&format!("{length} bytes"), bench.worker(&["--index", "0"]));
    }
    bench.write(&document, &whole);
    bench.write(&block, &tasks[..tasks.len() - 2]);
    refused("a block that was cut off", bench.worker(&["--index", "0"]));
    bench.remove(&block);
    refused("a block that is gone", bench.worker(&["--index", "0"]));
    // Tasks that do not belong to the product, with the hash that belongs to them.
    let forged: [(&str, Edit<'_>); 7] = [
        ("another shard", &|block| block["tasks"][0]["shard"] = block["tasks"][1]["shard"].clone()),
        ("no shard", &|block| block["tasks"][0]["shard"] = json!("../../x")),
        ("another granule", &|block| block["granules"][0]["id"] = json!("other.h5")),
        ("a granule that is not there", &|block| block["tasks"][0]["granules"] = json!([99])),
        ("too many granules", &|block| block["tasks"][0]["granules"] = json!(vec![0; 1 << 21])),
        ("no granules", &|block| block["tasks"][0]["granules"] = json!([])),
        ("another index", &|block| block["tasks"][0]["index"] = json!(7)),
    ];
    for (what, edit) in forged {
        let mut forged: Value = serde_json::from_slice(&tasks).unwrap();
        edit(&mut forged);
        let bytes = forged.to_string();
        let mut plan: Value = serde_json::from_slice(&whole).unwrap();
        plan["blocks"] = json!([zagg_core::hash::sha256_hex(bytes.as_bytes())]);
        bench.write(&document, plan.to_string());
        bench.write(&block, &bytes);
        refused(what, bench.worker(&["--index", "0"]));
    }
    // A plan that is sound, but not the one that the store was given to.
    let mut plan: Value = serde_json::from_slice(&whole).unwrap();
    plan["driver"] = json!("file");
    bench.write(&document, plan.to_string());
    bench.write(&block, &tasks);
    let said = bench.worker(&["--index", "0"]);
    assert!(said.err.contains("given to the workers of another plan"), "{said:?}");
    refused("another plan", said);
    bench.write(&document, &whole);
    bench.worker(&["--index", "0", "--of", "1"]).exits(0);
}

#[test]
fn granules_that_cannot_be_read_decide_the_exit_code() {
    let bench = Bench::with_map();
    bench.plan(&[]).exits(0);
    let gone = format!("granules/{}", crate::bench::NAMES[0]);
    let bytes = fs::read(bench.path(&gone)).unwrap();
    bench.remove(&gone);
    let codes: Vec<Option<i32>> = bench.array(4).into_iter().map(|said| said.code).collect();
    assert!(codes.contains(&Some(3)), "{codes:?}");
    let said = bench.finalize_plan(&[]).exits(3);
    assert!(said.err.contains("incomplete"), "{said:?}");
    let said = bench.worker(&["--index", "0", "--of", "1", "--format", "json"]);
    let answer = said.exits(3).json();
    assert_eq!(answer["exit_code"], 3);
    let reports = || answer["tasks"].as_array().unwrap().iter().map(|task| &task["report"]);
    assert!(reports().any(|report| report["holes"][0]["granule"] == crate::bench::NAMES[0]), "{answer}");
    // When it is back the same command finishes what is left, and nothing else.
    bench.write(&gone, bytes);
    let answer = bench.worker(&["--index", "0", "--of", "1", "--format", "json"]).exits(0).json();
    assert!(answer["tasks"].as_array().unwrap().iter().any(|task| task["skipped"] == false));
    bench.finalize_plan(&[]).exits(0);
    bench.run_into("whole.zarr", &[]).exits(0);
    bench.is_whole();
}

#[test]
fn addresses_with_keys_are_not_planned() {
    let bench = Bench::with_map();
    bench.edit_map(|map| {
        for granules in map["granules"].as_array_mut().unwrap() {
            for granule in granules.as_array_mut().unwrap() {
                granule["https"] = json!("https://host.example/a.h5?X-Amz-Signature=hush");
            }
        }
    });
    let said = bench.plan(&["--driver", "file"]).exits(1);
    assert!(said.err.contains("its https address carries a key") && !said.err.contains("hush"), "{said:?}");
    assert!(!bench.exists("out.zarr") && !bench.exists("out.zarr.zagg"));
}

#[test]
fn items_are_what_a_distributed_map_reads() {
    let bench = Bench::planned();
    let items = bench.json(&format!("{PLAN}/items.json"));
    let tasks = &bench.json(&format!("{PLAN}/tasks/000000.json"))["tasks"];
    let granules: BTreeMap<u64, usize> = tasks
        .as_array()
        .unwrap()
        .iter()
        .map(|task| (task["index"].as_u64().unwrap(), task["granules"].as_array().unwrap().len()))
        .collect();
    let items = items.as_array().unwrap();
    assert_eq!(items.len() as u64, bench.tasks());
    let sizes: Vec<usize> = items.iter().map(|item| granules[&item["index"].as_u64().unwrap()]).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "most granules first: {sizes:?}");
    let uri = bench.path(PLAN);
    for item in items {
        assert_eq!(item["plan"], json!(uri.to_str().unwrap()), "{item}");
        assert_eq!(item["shard"], tasks[item["index"].as_u64().unwrap() as usize]["shard"]);
    }
}

#[test]
#[cfg(unix)]
fn a_worker_that_is_told_to_stop_finishes_its_shard_and_says_75() {
    let bench = Bench::planned();
    let worker = bench.start_worker(&["--index", "0", "--of", "1", "--redo"], &[]);
    let status = bench.path("out.zarr.zagg/status");
    let started = Instant::now();
    // From the first shard on there is something to keep and something to stop.
    while fs::read_dir(&status).map_or(0, Iterator::count) == 0 {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
    let told = std::process::Command::new("kill").arg(worker.id().to_string()).status().unwrap();
    assert!(told.success());
    let said = ended(worker);
    match said.code {
        Some(75) => assert!(said.out.contains("not run"), "{said:?}"),
        // It was at its last shard already.
        Some(0) => assert_eq!(bench.tree("out.zarr.zagg/status").len() as u64, bench.tasks()),
        other => panic!("{other:?}: {said:?}"),
    }
    bench.worker(&["--index", "0", "--of", "1"]).exits(0);
    bench.finalize_plan(&[]).exits(0);
    bench.is_whole();
}
