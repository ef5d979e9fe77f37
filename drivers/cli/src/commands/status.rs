//! `zagg status`: which shards of a store are done, and what is wrong with the others.

use serde_json::{Value, json};
use zagg_core::plan::Claim;
use zagg_core::product::{PLAN, Product};
use zagg_core::records::{ShardState, ShardStatus, shards_of_store, statuses};
use zagg_core::store::{Store, StoreState};
use zagg_core::{Error, report::Hole};

use super::validate;
use crate::args::{Format, StatusArgs};
use crate::builtin;
use crate::failure::{Failure, INCOMPLETE};
use crate::output::{self, grouped};
use crate::summary;

/// Shards that are listed before the rest is only counted; `--format json` has all.
const MAX_SHARDS: usize = 100;

/// Holes of one shard that are named before the rest is only counted; `--format json` has all.
const MAX_HOLES: usize = 2;

/// What a shard can be, in the order in which they are counted.
const STATES: [&str; 6] = ["done", "incomplete", "failed", "open", "outdated", "missing"];

pub(crate) fn run(args: &StatusArgs) -> Result<u8, Failure> {
    let store = validate::open(&args.store, args.output_creds.as_deref())?;
    let found = store
        .found()?
        .ok_or_else(|| Error::not_found(format!("there is no zagg store at {}", args.store)))?;
    let plan = store.read_record(PLAN)?.ok_or_else(|| {
        Error::not_found(format!(
            "store {}: there is no {PLAN} beside it, which says what it should hold; zagg validate checks what it holds",
            args.store
        ))
    })?;
    let product = Product::from_plan(&plan, &builtin::registry()?)?;
    if product.identity() != found.template {
        return Err(
            Error::input(format!("store {}: {PLAN} beside it is that of another store", args.store)).into()
        );
    }
    let shards = statuses(&product, &store, &shards_of_store(&product, &store)?)?;
    let status = Status {
        location: &args.store,
        state: found.state,
        writer: store.writer()?,
        claim: Claim::of(&store)?,
        shards: &shards,
    };
    match args.format {
        Format::Text => status.text()?,
        Format::Json => output::json(&status.json())?,
    }
    status.advise();
    Ok(if status.is_complete() { 0 } else { INCOMPLETE })
}

struct Status<'a> {
    location: &'a str,
    state: StoreState,
    /// Who is writing.
    writer: Option<String>,
    /// The plan whose workers write, when it is given to them.
    claim: Option<Claim>,
    shards: &'a [ShardStatus],
}

impl Status<'_> {
    fn count(&self, name: &str) -> usize {
        self.shards.iter().filter(|shard| shard.state.name() == name).count()
    }

    fn not_done(&self) -> impl Iterator<Item = &ShardStatus> {
        self.shards.iter().filter(|shard| shard.state != ShardState::Done)
    }

    fn is_complete(&self) -> bool {
        self.state == StoreState::Complete && self.not_done().next().is_none()
    }

    fn text(&self) -> Result<(), Failure> {
        let mut table = output::table(&[]);
        table.add_row(["store", &format!("{} ({})", self.location, self.state.name())]);
        let mut counts =
            format!("{} of {} done", grouped(self.count("done") as u64), grouped(self.shards.len() as u64));
        for name in &STATES[1..] {
            let n = self.count(name);
            if n > 0 {
                counts.push_str(&format!(", {} {name}", grouped(n as u64)));
            }
        }
        table.add_row(["shards", &counts]);
        if let Some(writer) = &self.writer {
            table.add_row(["written by", writer]);
        }
        if let Some(claim) = &self.claim {
            table.add_row(["given to", &format!("the workers of {}", claim.plan.escape_debug())]);
        }
        output::data(&table.to_string())?;
        let not_done = self.not_done().count();
        if not_done == 0 {
            return Ok(());
        }
        let mut table = output::table(&["shard", "state", "reason"]);
        for shard in self.not_done().take(MAX_SHARDS) {
            table.add_row([&shard.label, shard.state.name(), &reason(shard)]);
        }
        output::data(&format!("\n{table}"))?;
        match not_done.checked_sub(MAX_SHARDS) {
            None | Some(0) => Ok(()),
            Some(more) => output::data(&format!("and {} more", grouped(more as u64))),
        }
    }

    fn json(&self) -> Value {
        let mut all = json!({
            "store": self.location,
            "state": self.state,
            "complete": self.is_complete(),
            "written_by": self.writer,
            "given_to": self.claim.as_ref().map(|claim| &claim.plan),
            "shards": self.shards.len(),
        });
        for name in STATES {
            all[format!("shards_{name}")] = self.count(name).into();
        }
        all["shards_not_done"] = self
            .not_done()
            .map(|shard| {
                json!({
                    "shard": shard.label,
                    "state": shard.state.name(),
                    "reason": shard.state.reason(),
                    "temporary": shard.temporary,
                    "holes": shard.holes,
                })
            })
            .collect();
        all
    }

    /// Says how to go on.
    fn advise(&self) {
        if self.is_complete() {
            return;
        }
        if self.writer.is_some() {
            output::note("zagg: a run is writing to it");
        } else if let Some(claim) = &self.claim {
            output::note(&format!(
                "zagg: to go on, start its workers again, and then zagg finalize --plan {}",
                claim.plan.escape_debug()
            ));
        } else if self.not_done().next().is_none() {
            output::note(&format!(
                "zagg: every shard is done; zagg finalize {} makes it complete",
                self.location
            ));
        } else {
            output::note("zagg: to go on, run its shard map into it once more, with --resume");
        }
    }
}

/// Why a shard is not done, in one line.
fn reason(shard: &ShardStatus) -> String {
    match shard.state {
        ShardState::Incomplete(_) if !shard.holes.is_empty() => {
            let hole = |hole: &Hole| {
                format!("{}: {}", summary::place(&hole.granule, hole.part.as_deref()), hole.reason)
            };
            let mut text = shard.holes.iter().take(MAX_HOLES).map(hole).collect::<Vec<_>>().join("; ");
            if shard.holes.len() > MAX_HOLES {
                text.push_str(&format!("; and {} more", shard.holes.len() - MAX_HOLES));
            }
            text
        }
        ShardState::Failed(ref reason) => reason.clone(),
        ref state => state.reason(),
    }
}
