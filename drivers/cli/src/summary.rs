//! The summary of a run.

use zagg_core::report::RunSummary;

use crate::args::Format;
use crate::commands::lambda::Extra;
use crate::failure::Failure;
use crate::output::{self, bytes, grouped};

/// Lines of each kind that are printed before the rest is only counted; `--format json` and the report have all.
pub(crate) const MAX_LINES: usize = 20;

/// Prints the summary, and what is missing to standard error.
pub(crate) fn print(summary: &RunSummary, store: &str, format: Format) -> Result<(), Failure> {
    print_with(summary, store, format, None)
}

/// The same, with what the executor adds.
pub(crate) fn print_with(
    summary: &RunSummary,
    store: &str,
    format: Format,
    extra: Option<&Extra>,
) -> Result<(), Failure> {
    for warning in summary.warnings.iter().take(MAX_LINES) {
        output::warning(warning);
    }
    rest(summary.warnings.len(), "warnings");
    for (hole, shards) in summary.holes.iter().take(MAX_LINES) {
        let place = place(&hole.granule, hole.part.as_deref());
        let shards = if *shards == 1 { "1 shard".to_string() } else { format!("{shards} shards") };
        output::warning(&format!("hole in {shards}: {place}: {}", hole.reason));
    }
    rest(summary.holes.len(), "holes");
    for (shard, reason) in summary.failures.iter().take(MAX_LINES) {
        output::error(&format!("shard {shard} failed: {reason}"));
    }
    rest(summary.failures.len(), "failures");
    if format == Format::Json {
        let mut value = serde_json::to_value(summary)
            .map_err(|error| zagg_core::Error::io(format!("summary as JSON: {error}")))?;
        if let Some(extra) = extra {
            value["lambda"] = extra.json.clone();
        }
        return output::json(&value);
    }
    let mut table = output::table(&[]);
    let mut shards = format!("{} of {} done", grouped(summary.shards_done), grouped(summary.shards));
    if summary.shards_skipped > 0 {
        shards.push_str(&format!(" ({} before)", grouped(summary.shards_skipped)));
    }
    for (n, what) in [
        (summary.shards_incomplete, "incomplete"),
        (summary.shards_failed, "failed"),
        (summary.shards_not_run, "not run"),
    ] {
        if n > 0 {
            shards.push_str(&format!(", {} {what}", grouped(n)));
        }
    }
    let mut rows = format!("{} read, {} kept", grouped(summary.rows_read), grouped(summary.rows_kept));
    for (n, what) in [
        (summary.rows_outside_area.unwrap_or_default(), "outside the area of interest"),
        (summary.strays.rows_unassigned, "in shards that do not list their granule"),
        (summary.strays.rows_out_of_reach, "out of reach of their parents"),
        (summary.strays.rows_bad_position, "without a position"),
    ] {
        if n > 0 {
            rows.push_str(&format!(", {} {what}", grouped(n)));
        }
    }
    if summary.parts_absent > 0 {
        rows.push_str(&format!(", {} parts absent", grouped(summary.parts_absent)));
    }
    table.add_row(["store", &format!("{store} ({})", summary.state.name())]);
    table.add_row(["shards", &shards]);
    table.add_row(["cells", &grouped(summary.cells)]);
    table.add_row(["rows", &rows]);
    table.add_row([
        "read",
        &format!("{} in {} requests", bytes(summary.traffic.bytes), grouped(summary.traffic.requests)),
    ]);
    if let Some(index) = summary.index {
        let mut text = format!("{} granules from their index", grouped(index.used));
        for (n, what) in [
            (index.missed, "without a valid one"),
            (index.written, "written"),
            (index.not_written, "not written"),
        ] {
            if n > 0 {
                text.push_str(&format!(", {} {what}", grouped(n)));
            }
        }
        table.add_row(["index", &text]);
    }
    table.add_row([
        "written",
        &format!("{} in {} objects", bytes(summary.written.bytes), grouped(summary.written.objects)),
    ]);
    table.add_row(["time", &format!("{:.2} s", summary.seconds)]);
    for (name, text) in extra.iter().flat_map(|extra| &extra.rows) {
        table.add_row([*name, text]);
    }
    output::data(&table.to_string())
}

/// Says how to go on, when another run is likely to do what this one did not.
pub(crate) fn advise(summary: &RunSummary) {
    let (stopped, temporary) = (summary.shards_not_run, summary.temporary);
    if stopped > 0 {
        let left = grouped(stopped);
        output::note(&format!(
            "zagg: stopped with {left} shards not run; go on with the same command and --resume"
        ));
    } else if temporary {
        let left = grouped(summary.shards_failed + summary.shards_incomplete);
        output::note(&format!(
            "zagg: {left} shards lack what is likely to be there later; go on with the same command and --resume"
        ));
    }
}

/// A granule, or a part of it. The only part of some has no name.
pub(crate) fn place(granule: &str, part: Option<&str>) -> String {
    match part.filter(|part| !part.is_empty()) {
        Some(part) => format!("granule {granule} part {part}"),
        None => format!("granule {granule}"),
    }
}

pub(crate) fn rest(n: usize, what: &str) {
    if n > MAX_LINES {
        output::note(&format!("zagg: and {} more {what}", n - MAX_LINES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_without_a_name_are_not_named() {
        assert_eq!(place("a.h5", Some("gt1l")), "granule a.h5 part gt1l");
        assert_eq!(place("t.parquet", Some("")), "granule t.parquet");
        assert_eq!(place("t.parquet", None), "granule t.parquet");
    }
}
