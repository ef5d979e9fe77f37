//! `zagg run --dry-run`.

use serde_json::json;
use zagg_core::run::{Resumed, Run};

use crate::args::Format;
use crate::commands::lambda::Extra;
use crate::failure::{Failure, INCOMPLETE};
use crate::output::{self, grouped};
use crate::summary;

/// Says what a run would do, without reading or writing.
pub(super) fn describe(
    run: &Run,
    location: &str,
    resumed: Option<&Resumed>,
    cost: Option<&Extra>,
    format: Format,
) -> Result<u8, Failure> {
    let missing = run.granules.missing();
    for warning in run.warnings.iter().chain(missing.iter().take(summary::MAX_LINES)) {
        output::warning(warning);
    }
    summary::rest(missing.len(), "granules that cannot be opened");
    let code = if missing.is_empty() { 0 } else { INCOMPLETE };
    let mut sizes: Vec<usize> = run.tasks.iter().map(|task| task.granules.len()).collect();
    sizes.sort_unstable();
    let pairs: usize = sizes.iter().sum();
    let (least, most) = (sizes.first().copied().unwrap_or(0), sizes.last().copied().unwrap_or(0));
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    let labels: Vec<String> = run.tasks.iter().map(|task| run.product.grid.shard_label(task.shard)).collect();
    let variables: Vec<&str> = run.product.program.variables().iter().map(|v| v.name.as_str()).collect();
    if format == Format::Json {
        let mut value = json!({
            "store": location,
            "shards": labels,
            "granules_per_shard": {"min": least, "median": median, "max": most},
            "pairs": pairs,
            "variables": variables,
            "columns": run.product.program.columns(),
            "pipeline_hash": run.product.pipeline.hash(),
            "granules_missing": missing,
            "shards_skipped": resumed.map(|resumed| &resumed.skipped),
        });
        if let Some(cost) = cost {
            value["lambda"] = cost.json.clone();
        }
        output::json(&value)?;
        return Ok(code);
    }
    let mut table = output::table(&[]);
    table.add_row(["would write", location]);
    table.add_row(["shards", &grouped(run.tasks.len() as u64)]);
    if let Some(resumed) = resumed {
        table.add_row(["done before", &grouped(resumed.skipped.len() as u64)]);
    }
    table.add_row(["granules per shard", &format!("{least} to {most}, median {median}")]);
    table.add_row(["variables", &variables.join(", ")]);
    for (name, text) in cost.iter().flat_map(|cost| &cost.rows) {
        table.add_row([*name, text]);
    }
    output::data(&table.to_string())?;
    Ok(code)
}
