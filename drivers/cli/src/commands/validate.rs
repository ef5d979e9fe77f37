//! `zagg validate`: what is wrong with a store.

use std::path::Path;

use serde_json::{Value, json};
use zagg_access::StoreChain;
use zagg_core::Result;
use zagg_core::config::StoreAccess;
use zagg_zarr::{Validation, ZarrStore};

use crate::args::{Format, ValidateArgs};
use crate::builtin;
use crate::failure::{Failure, INCOMPLETE};
use crate::output::{self, grouped};

/// Findings that are printed before the rest is only counted; `--format json` has the first thousand.
const MAX_LINES: usize = 100;

/// The store at a path or in a bucket, with the keys of a file or of the environment.
pub(super) fn open(location: &str, keys: Option<&Path>) -> Result<ZarrStore> {
    let chain = StoreChain::new(&StoreAccess::default(), keys)?;
    for warning in chain.warnings() {
        output::warning(&warning);
    }
    ZarrStore::open_with(location, &chain)
}

pub(crate) fn run(args: &ValidateArgs) -> Result<u8, Failure> {
    let store = open(&args.store, args.output_creds.as_deref())?;
    let found = store.validate(&builtin::registry()?)?;
    for what in &found.unchecked {
        output::warning(what);
    }
    match args.format {
        Format::Json => json_report(&args.store, &found)?,
        Format::Text => text_report(&args.store, &found)?,
    }
    Ok(if found.is_sound() { 0 } else { INCOMPLETE })
}

fn text_report(store: &str, found: &Validation) -> Result<(), Failure> {
    let mut lines: Vec<String> = found.findings.iter().take(MAX_LINES).map(ToString::to_string).collect();
    let rest = found.total - lines.len() as u64;
    if rest > 0 {
        lines.push(format!("and {} more", grouped(rest)));
    }
    let checked: Vec<String> = [
        (found.groups, "groups"),
        (found.arrays, "arrays"),
        (found.objects, "objects"),
        (found.blocks, "blocks"),
        (found.shards, "shards"),
    ]
    .iter()
    .map(|(n, what)| format!("{} {what}", grouped(*n)))
    .collect();
    let verdict = match found.total {
        0 => "sound".to_string(),
        1 => "1 finding".to_string(),
        n => format!("{} findings", grouped(n)),
    };
    lines.push(format!("{store}: {verdict}; {}", checked.join(", ")));
    output::data(&lines.join("\n"))
}

fn json_report(store: &str, found: &Validation) -> Result<(), Failure> {
    output::json(&json!({
        "store": store,
        "sound": found.is_sound(),
        "state": found.state,
        "findings": found.findings.iter().map(Value::from).collect::<Vec<_>>(),
        "findings_total": found.total,
        "unchecked": found.unchecked,
        "groups": found.groups,
        "arrays": found.arrays,
        "objects": found.objects,
        "blocks": found.blocks,
        "shards": found.shards,
    }))
}
