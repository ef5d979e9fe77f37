//! The files for schedulers under `deployment/`, with the real program and stand-ins for the schedulers' own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::{Bench, Ended, ZAGG};

fn deployment(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deployment").join(name)
}

impl Bench {
    /// A script that is found under this name before any other program.
    fn stand_in(&self, name: &str, script: &str) {
        let path = format!("bin/{name}");
        self.write(&path, format!("#!/bin/bash\n{script}\n"));
        fs::set_permissions(self.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A file under `deployment/` in a clean environment with the stand-ins.
    fn script(&self, name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new("bash");
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.arg(deployment(name)).args(arguments).env_clear().env("PATH", path);
        command.envs(environment.iter().copied()).current_dir(self.path("."));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn lines(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.path(name)).unwrap_or_default().lines().map(str::to_string).collect()
    }
}

fn slurm<'a>(id: &'a str, count: &'a str, last: &'a str, plan: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("SLURM_ARRAY_TASK_ID", id),
        ("SLURM_ARRAY_TASK_COUNT", count),
        ("SLURM_ARRAY_TASK_MIN", "0"),
        ("SLURM_ARRAY_TASK_MAX", last),
        ("SLURM_ARRAY_JOB_ID", "4711"),
        ("SLURM_CPUS_PER_TASK", "1"),
        ("SLURM_MEM_PER_NODE", "1024"),
        ("PLAN", plan),
        ("ZAGG", ZAGG),
    ]
}

#[test]
fn slurm_s_files_make_the_store_of_a_run() {
    let bench = Bench::with_map();
    bench.run_into("whole.zarr", &[]).exits(0);
    bench.stand_in("sbatch", "echo \"$@\" >> sbatch.log; echo \"4711;cluster\"");
    let plan = bench.path("plan").to_str().unwrap().to_string();
    let arguments = ["--plugin", "atl06", "--catalog", "map.json", "--store", "out.zarr"];
    let environment =
        [("PLAN", plan.as_str()), ("ZAGG", ZAGG), ("ARRAY", "0-2"), ("SBATCH", "--account=ice")];
    Ended::of(bench.script("slurm/submit.sh", &arguments, &environment).output().unwrap()).exits(0);
    let submitted = bench.lines("sbatch.log");
    assert_eq!(submitted.len(), 2, "{submitted:?}");
    assert!(
        submitted[0].starts_with("--parsable --array=0-2 --account=ice --export=ALL,PLAN="),
        "{submitted:?}"
    );
    assert!(submitted[0].ends_with("slurm/workers.sbatch"), "{submitted:?}");
    assert!(submitted[1].starts_with("--dependency=afterany:4711 --account=ice"), "{submitted:?}");
    let workers: Vec<_> = ["0", "1", "2"]
        .map(|id| bench.script("slurm/workers.sbatch", &[], &slurm(id, "3", "2", &plan)).spawn().unwrap())
        .into_iter()
        .map(|worker| Ended::of(worker.wait_with_output().unwrap()))
        .collect();
    for said in workers {
        assert!(said.err.contains(" of 3: "), "{said:?}");
        said.exits(0);
    }
    let environment = [("PLAN", plan.as_str()), ("ZAGG", ZAGG)];
    Ended::of(bench.script("slurm/finalize.sbatch", &[], &environment).output().unwrap()).exits(0);
    assert!(bench.tree("out.zarr") == bench.tree("whole.zarr"));
    // A part of the array again, with the size of the whole one.
    let mut part = slurm("2", "1", "2", &plan);
    part.push(("WORKERS", "3"));
    let said = Ended::of(bench.script("slurm/workers.sbatch", &[], &part).output().unwrap()).exits(0);
    assert!(said.err.contains("worker 2 of 3: "), "{said:?}");
    let said = Ended::of(bench.script("slurm/workers.sbatch", &[], &[]).output().unwrap());
    assert!(said.code != Some(0) && said.err.contains("PLAN"), "{said:?}");
}

#[test]
fn a_worker_that_says_75_is_submitted_again_and_a_signal_reaches_it() {
    let bench = Bench::empty();
    bench.stand_in("scontrol", "echo \"$@\" >> scontrol.log");
    bench.stand_in("worker", "exit 75");
    let mut environment = slurm("3", "8", "7", "/plan");
    environment.retain(|(name, _)| *name != "ZAGG");
    environment.push(("ZAGG", "worker"));
    let again = |more: &[(&str, &str)]| {
        let all = [&environment[..], more].concat();
        Ended::of(bench.script("slurm/workers.sbatch", &[], &all).output().unwrap())
    };
    again(&[]).exits(75);
    assert_eq!(bench.lines("scontrol.log"), ["requeue 4711_3"]);
    again(&[("SLURM_RESTART_COUNT", "3")]).exits(75);
    assert_eq!(bench.lines("scontrol.log").len(), 1, "three times and no more");
    bench.stand_in("worker", "exit 3");
    again(&[]).exits(3);
    assert_eq!(bench.lines("scontrol.log").len(), 1);
    // SLURM's signal goes to the shell of the batch job alone.
    bench.stand_in(
        "worker",
        "trap 'echo told > told; exit 75' TERM; echo ready > ready; while :; do sleep 0.05; done",
    );
    let shell = bench.script("slurm/workers.sbatch", &[], &environment).spawn().unwrap();
    let started = Instant::now();
    while !bench.exists("ready") {
        assert!(started.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").arg(shell.id().to_string()).status().unwrap().success());
    Ended::of(shell.wait_with_output().unwrap()).exits(75);
    assert!(bench.exists("told"));
    assert_eq!(bench.lines("scontrol.log").len(), 2);
}

#[test]
fn batch_s_definition_is_filled_in_and_submitted() {
    let bench = Bench::empty();
    bench.stand_in(
        "aws",
        "set -f\necho $* >> aws.log\nwhile [ $# -gt 0 ]; do\n  if [ \"$1\" = --cli-input-json ]; then printf '%s' \"$2\" > definition.json; fi\n  if [ \"$1\" = --container-overrides ]; then printf '%s' \"$2\" > overrides.json; fi\n  shift\ndone\necho id-1",
    );
    let mut environment = vec![
        ("PLAN", "s3://bucket/out.zarr.zagg/work"),
        ("QUEUE", "queue"),
        ("IMAGE", "1234.dkr.ecr.us-west-2.amazonaws.com/zagg:0.1.0"),
        ("JOB_ROLE_ARN", "arn:aws:iam::1234:role/zagg"),
        ("REGION", "us-west-2"),
        ("WORKERS", "250"),
    ];
    Ended::of(bench.script("batch/submit.sh", &[], &environment).output().unwrap()).exits(0);
    let definition: Value = bench.json("definition.json");
    assert!(!definition.to_string().contains('@'), "{definition}");
    let container = &definition["containerProperties"];
    assert_eq!(container["image"], json!("1234.dkr.ecr.us-west-2.amazonaws.com/zagg:0.1.0"));
    assert_eq!(container["executionRoleArn"], container["jobRoleArn"]);
    let retried = definition["retryStrategy"]["evaluateOnExit"].as_array().unwrap();
    assert!(retried.iter().any(|rule| rule["onExitCode"] == "75" && rule["action"] == "RETRY"));
    let calls = bench.lines("aws.log");
    assert!(calls[1].contains("--array-properties size=250"), "{calls:?}");
    let parameters =
        |command: &str| json!({"command": command, "plan": "s3://bucket/out.zarr.zagg/work"}).to_string();
    // As the program spells it, without the blanks of the script.
    let call = |at: usize| calls[at].replace("\": \"", "\":\"").replace("\", \"", "\",\"");
    assert!(call(1).contains(&format!("--parameters {}", parameters("worker"))), "{calls:?}");
    assert!(call(2).contains(&format!("--parameters {}", parameters("finalize"))), "{calls:?}");
    assert!(call(2).contains("--depends-on jobId=id-1"), "{calls:?}");
    // The command of the definition, with these parameters, is one that the program understands.
    let command: Vec<String> = container["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap().replace("Ref::command", "worker").replace("Ref::plan", "/nowhere"))
        .collect();
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let batch = [("AWS_BATCH_JOB_ARRAY_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_SIZE", "250")];
    let said = Ended::of(bench.command(&words).envs(batch).output().unwrap()).exits(1);
    assert!(said.err.contains("there is no plan at /nowhere"), "{said:?}");
    // One worker is no array.
    environment.retain(|(name, _)| *name != "WORKERS");
    environment.push(("WORKERS", "1"));
    Ended::of(bench.script("batch/submit.sh", &[], &environment).output().unwrap()).exits(0);
    let override_ = bench.json("overrides.json");
    assert_eq!(override_["command"][2], "s3://bucket/out.zarr.zagg/work");
    assert!(!bench.lines("aws.log")[4].contains("--array-properties"));
    for workers in ["0", "10001", "x"] {
        environment.pop();
        environment.push(("WORKERS", workers));
        Ended::of(bench.script("batch/submit.sh", &[], &environment).output().unwrap()).exits(2);
    }
    assert_eq!(bench.lines("aws.log").len(), 6, "nothing was submitted");
}

#[test]
fn kubernetes_jobs_say_the_same_number_twice_and_call_what_the_program_has() {
    for (file, subcommand) in [("workers.yaml", "worker"), ("finalize.yaml", "finalize")] {
        let text = fs::read_to_string(deployment("kubernetes").join(file)).unwrap();
        let job: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!((&job["kind"], &job["apiVersion"]), (&json!("Job"), &json!("batch/v1")));
        let container = &job["spec"]["template"]["spec"]["containers"][0];
        let variable = |name: &str| {
            let found = container["env"].as_array().unwrap().iter().find(|entry| entry["name"] == name);
            found.unwrap()["value"].as_str().unwrap().to_string()
        };
        // A policy of failures needs pods that are not started again in place, and names the container.
        assert_eq!(job["spec"]["template"]["spec"]["restartPolicy"], "Never");
        let rules = job["spec"]["podFailurePolicy"]["rules"].as_array().unwrap();
        let codes = rules.iter().find(|rule| rule.get("onExitCodes").is_some()).unwrap();
        assert_eq!(codes["onExitCodes"]["containerName"], container["name"]);
        assert!(!codes["onExitCodes"]["values"].as_array().unwrap().contains(&json!(75)));
        let bench = Bench::empty();
        let words: Vec<String> = container["args"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word.as_str().unwrap().replace("$(PLAN)", "/nowhere").replace("$(WORKERS)", "100"))
            .collect();
        assert_eq!(words[0], subcommand);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said =
            Ended::of(bench.command(&words).env("JOB_COMPLETION_INDEX", "99").output().unwrap()).exits(1);
        assert!(said.err.contains("there is no plan at /nowhere"), "{said:?}");
        assert!(variable("PLAN").starts_with("s3://"));
        if subcommand == "worker" {
            assert_eq!(json!(variable("WORKERS").parse::<u64>().unwrap()), job["spec"]["completions"]);
            assert_eq!(job["spec"]["completionMode"], "Indexed");
        }
    }
}
