//! One run on AWS Lambda: what is asked and checked before it, the run, and the bill.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;
use zagg_access::{Access, AmbientKeys, BucketFolder};
use zagg_core::Error;
use zagg_core::executor::Observer;
use zagg_core::granule::Driver;
use zagg_core::plan::PlanOptions;
use zagg_core::report::RunSummary;
use zagg_core::run::Run;
use zagg_lambda::aws::{AwsControl, AwsInvoke, Place};
use zagg_lambda::cost::{Bill, Estimate, Model, Sized};
use zagg_lambda::dispatch::{CallMode, Fleet};
use zagg_lambda::executor::{Credentials, LambdaExecutor, Outcome, Parts};
use zagg_lambda::files;
use zagg_lambda::policy::Policy;
use zagg_lambda::preflight::{self, Preflight};

use super::Extra;
use crate::args::RunArgs;
use crate::args::lambda::{LambdaArgs, ModeArg};
use crate::commands::index;
use crate::failure::Failure;
use crate::output::{self, bytes, grouped};
use crate::{builtin, pipeline};

/// What all steps of a run share.
pub(crate) struct Session {
    args: LambdaArgs,
    location: String,
    driver: Driver,
    max_retries: u32,
    runtime: Runtime,
    own_endpoint: bool,
    functions: Vec<Arc<str>>,
    invoke: Arc<AwsInvoke>,
    folder: BucketFolder,
    access: Access,
    found: Preflight,
    /// The functions; what was assumed of them until a ping said more.
    sized: Cell<Sized>,
    outcome: RefCell<Option<Outcome>>,
}

impl Session {
    /// Finds the function and what it is. Nothing is called, written or paid for.
    pub(crate) fn new(args: &RunArgs, location: &str) -> Result<Self, Failure> {
        if !location.starts_with("s3://") {
            return Err(Error::input(format!(
                "store {location}: functions on Lambda write to buckets only; give --store s3://bucket/folder"
            ))
            .into());
        }
        let pipeline = pipeline::pipeline(&args.pipeline, &builtin::registry()?)?;
        let chain = index::chain(&pipeline, args.output_creds.as_deref())?;
        let folder = chain.bucket_folder(location)?.beside(".zagg")?;
        let lambda = args.lambda.clone();
        let variable = |name: &str| std::env::var(name).ok();
        let place = Place::new(lambda.region.as_deref(), lambda.endpoint_url.as_deref(), variable)?;
        let functions: Vec<Arc<str>> = lambda.function.iter().map(|name| Arc::from(name.trim())).collect();
        if let Some(bad) = functions.iter().find(|name| !is_function_name(name)) {
            return Err(
                Error::input(format!("--function: {bad:?} is not the name or ARN of a function")).into()
            );
        }
        let runtime = zagg_lambda::runtime()?;
        let keys = AmbientKeys::of_process()?;
        let client = place.client(keys.clone())?;
        let own_endpoint = place.endpoint_url.is_some();
        let control = AwsControl::new(client.clone(), &runtime, own_endpoint);
        let found = preflight::look(&control, &functions, lambda.max_workers as usize, preflight::ASSUMED)?;
        Ok(Self {
            location: location.to_string(),
            driver: args.driver.map_or(pipeline.data_source.driver, Into::into),
            max_retries: args.max_retries,
            own_endpoint,
            functions,
            invoke: Arc::new(AwsInvoke::new(client).signed_by(keys)),
            folder,
            access: Access::new(&pipeline.data_source.access)?,
            sized: Cell::new(found.sized),
            found,
            outcome: RefCell::new(None),
            runtime,
            args: lambda,
        })
    }

    fn model(&self) -> Model {
        Model { seconds_per_granule: self.args.seconds_per_granule, ..Model::default() }
    }

    fn estimated(&self, run: &Run) -> Estimate {
        let granules: Vec<usize> = run.tasks.iter().map(|task| task.granules.len()).collect();
        Estimate::of(&granules, self.sized.get(), &self.model())
    }

    /// What the run is expected to cost.
    pub(crate) fn estimate(&self, run: &Run) -> Result<Extra, Failure> {
        for warning in self.found.warnings.iter().chain(&self.fleet()?.1) {
            output::warning(warning);
        }
        self.hrefs(run)?;
        let estimate = self.estimated(run);
        let sized = self.sized.get();
        let rows = vec![
            (
                "functions",
                format!(
                    "{} ({} MB, {})",
                    self.functions.join(", "),
                    sized.memory_mb,
                    sized.architecture.name()
                ),
            ),
            ("workers", self.workers(run)),
            ("granules", format!("{}, counted in every shard", grouped(estimate.granules))),
            ("expected", format!("{} GB-s, ${:.2}", grouped(estimate.gb_seconds as u64), estimate.dollars)),
            (
                "at most",
                format!(
                    "${:.2}, if every shard ran into the limit of {} s once",
                    estimate.most_dollars, sized.timeout
                ),
            ),
            ("model", estimate.model.clone()),
        ];
        if estimate.longest > sized.timeout as f64 {
            output::warning(&format!(
                "the largest shard is expected to take {:.0} s, and the function may run for {} s; make smaller shards",
                estimate.longest, sized.timeout
            ));
        }
        Ok(Extra { json: estimate.json(), rows })
    }

    /// Asks the user, and tries out function and bucket.
    pub(crate) fn before(&self, run: &Run) -> Result<(), Failure> {
        if run.tasks.is_empty() {
            return Ok(());
        }
        for warning in self.found.warnings.iter().chain(&self.fleet()?.1) {
            output::warning(warning);
        }
        let estimate = self.estimated(run);
        if estimate.dollars > self.args.max_cost && !self.args.yes {
            consent(&estimate, self.args.max_cost)?;
        }
        let pinged = preflight::try_out(
            &self.runtime,
            &*self.invoke,
            &self.folder,
            &self.functions,
            env!("CARGO_PKG_VERSION"),
        )?;
        if !self.found.told {
            self.sized.set(pinged.correct(self.sized.get()));
        }
        Ok(())
    }

    /// How many workers there will be, and what that was found out from.
    fn workers(&self, run: &Run) -> String {
        let workers = grouped(self.found.workers.min(run.tasks.len()) as u64);
        match self.found.concurrency {
            Some(left) => {
                format!(
                    "{workers}; {} executions at once are allowed, less what others use now",
                    grouped(left)
                )
            }
            None => workers,
        }
    }

    /// The addresses that workers read.
    fn hrefs(&self, run: &Run) -> Result<Vec<String>, Error> {
        let mut numbers: Vec<u32> = run.tasks.iter().flat_map(|task| task.granules.iter().copied()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut hrefs = Vec::with_capacity(numbers.len());
        for number in numbers {
            let granule = run.granules.granule(number);
            let href = granule.href(self.driver)?;
            if !self.own_endpoint && (!href.contains("://") || href.starts_with("file:")) {
                return Err(Error::input(format!(
                    "granule {} has a local copy only, which no function on Lambda can read; choose --driver s3 or https, or \
                     build the shard map from a catalog",
                    granule.id
                )));
            }
            hrefs.push(href.to_string());
        }
        Ok(hrefs)
    }

    /// What may be used, and what the user should know of it.
    fn fleet(&self) -> Result<(Fleet, Vec<String>), Error> {
        let mode = match self.args.mode {
            ModeArg::Auto => CallMode::Auto,
            ModeArg::Sync => CallMode::Sync,
            ModeArg::Async => CallMode::Async,
        };
        let wanted = self.found.workers;
        let waited = mode.waited(wanted, files::raise_limit());
        let mut workers = mode.workers(wanted, waited).max(1);
        let mut warnings = Vec::new();
        match &self.found.no_queue {
            Some(why) if mode == CallMode::Async => return Err(Error::input(format!("--mode async: {why}"))),
            Some(why) if workers > waited => {
                workers = waited.max(1);
                warnings.push(format!(
                    "{workers} workers at once instead of {wanted}, none by queued events: {why}"
                ));
            }
            _ => {}
        }
        if mode == CallMode::Sync && workers < wanted {
            warnings.push(format!(
                "{workers} calls at once instead of {wanted}: the limit of open files allows no more; raise it with \
                 `ulimit -n 8192`, or leave out --mode sync"
            ));
        }
        let fleet = Fleet {
            functions: self.functions.clone(),
            workers,
            waited: if mode == CallMode::Async { 0 } else { waited.max(1).min(workers) },
            timeout: Duration::from_secs(self.sized.get().timeout),
            batch: self.args.shards_per_call as usize,
        };
        Ok((fleet, warnings))
    }

    /// The run.
    pub(crate) fn execute(&self, run: &Arc<Run>, observer: &dyn Observer) -> zagg_core::Result<RunSummary> {
        let credentials = match &self.args.source_credentials {
            Some(uri) if uri.starts_with("s3://") => Credentials::At(uri.clone()),
            Some(_) => return Err(Error::input("--source-credentials: give s3://bucket/key")),
            None => {
                let (access, hrefs) = (self.access.clone(), self.hrefs(run)?);
                Credentials::Lent(Arc::new(move || access.lend(hrefs.iter().map(String::as_str))))
            }
        };
        let index = run.product.pipeline.data_source.index.as_ref().map(|index| index.store.clone());
        let registry = builtin::registry()?;
        let executor = LambdaExecutor::new(Parts {
            runtime: &self.runtime,
            invoke: self.invoke.clone(),
            objects: Arc::new(self.folder.clone()),
            folder: self.folder.location().to_string(),
            registry: &registry,
            plan: PlanOptions { store: self.location.clone(), index, driver: Some(self.driver) },
            credentials,
            policy: Policy { after_temporary: self.max_retries, ..Policy::default() },
            fleet: self.fleet()?.0,
            seconds_per_granule: self.args.seconds_per_granule,
        });
        let summary = run.execute(&executor, observer);
        *self.outcome.borrow_mut() = executor.outcome();
        summary
    }

    /// What the run has cost.
    pub(crate) fn bill(&self) -> Option<Extra> {
        let outcome = self.outcome.borrow_mut().take()?;
        for warning in &outcome.warnings {
            output::warning(warning);
        }
        if let Some(error) = &outcome.stopped {
            output::error(error.message());
        }
        let (tally, sized) = (&outcome.tally, self.sized.get());
        let bill = Bill::of(tally, sized);
        let how = match (tally.reported, tally.measured) {
            (_, 0) => "as billed".to_string(),
            (0, _) => "as measured".to_string(),
            (billed, measured) => {
                format!("{} invocations as billed, {} as measured", grouped(billed), grouped(measured))
            }
        };
        let mut cost = format!(
            "${:.4}: {:.1} GB-s on {}, {how}",
            bill.dollars,
            bill.gb_seconds,
            sized.architecture.name()
        );
        if tally.unheard > 0 {
            cost.push_str(&format!(
                "; {} unheard of, ${:.4} more at most",
                grouped(tally.unheard),
                bill.unheard_dollars
            ));
        }
        let mut rows = vec![
            ("cost", cost),
            (
                "functions",
                format!(
                    "{} invocations, {:.1} s billed, shards {:.1} s in the middle and {:.1} s at most",
                    grouped(tally.invocations),
                    bill.seconds,
                    tally.median_seconds(),
                    tally.most_seconds()
                ),
            ),
        ];
        let slowest: Vec<String> = tally
            .slowest
            .iter()
            .map(|slow| format!("{} {:.1} s ({} granules)", slow.shard, slow.seconds, grouped(slow.granules)))
            .collect();
        if !slowest.is_empty() {
            rows.push(("slowest", slowest.join(", ")));
        }
        let faults: Vec<String> =
            tally.faults.iter().map(|(name, n)| format!("{name} {}", grouped(*n))).collect();
        if !faults.is_empty() {
            rows.push(("went wrong", format!("{}; {} backups", faults.join(", "), grouped(tally.backups))));
        }
        let mut json = bill.json(tally, sized);
        json["run"] = outcome.run.clone().into();
        json["functions"] = self.functions.iter().map(|name| &**name).collect::<Vec<&str>>().into();
        json["dispatch_seconds"] = outcome.seconds.into();
        json["stopped"] = json!(outcome.stopped.as_ref().map(Error::message));
        if let Some(usage) = outcome.usage {
            json["dispatcher"] = json!(usage);
            rows.push((
                "dispatcher",
                format!("{:.1} s of processor, {}", usage.cpu_seconds, bytes(usage.max_rss)),
            ));
        }
        Some(Extra { json, rows })
    }
}

/// Whether a text may be the name or ARN of a function, with or without a version.
fn is_function_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_:$".contains(c);
    (1..=256).contains(&name.len()) && name.chars().all(plain)
}

/// Asks whether to spend so much.
fn consent(estimate: &Estimate, most: f64) -> Result<(), Failure> {
    let said = format!(
        "{} shards are expected to cost ${:.2}, more than the ${most:.2} of --max-cost",
        grouped(estimate.shards),
        estimate.dollars
    );
    if !std::io::stdin().is_terminal() || !output::is_watched() {
        return Err(Error::input(format!("{said}; give a higher --max-cost, or --yes")).into());
    }
    output::note(&format!("zagg: {said}. Run? [y/N]"));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Error::input("nothing was run").into())
}

#[cfg(test)]
mod tests {
    use super::is_function_name;

    #[test]
    fn names_and_arns_are_taken() {
        for good in [
            "process-shard",
            "f:12",
            "f:$LATEST",
            "arn:aws:lambda:us-west-2:123456789012:function:process-shard",
        ] {
            assert!(is_function_name(good), "{good}");
        }
        for bad in ["", "a b", "../x", "f?x", &"x".repeat(300)] {
            assert!(!is_function_name(bad), "{bad}");
        }
    }
}
