//! `--profile`: where the time of a run went.

use zagg_core::profile::{Counter, Phase, ProfileReport};

use crate::failure::Failure;
use crate::output::{self, bytes, grouped};

/// Prints a profile.
pub(crate) fn print(profile: &ProfileReport) -> Result<(), Failure> {
    let busy = profile.busy();
    let mut table = output::table(&["phase", "seconds", "share", "calls"]);
    for phase in Phase::ALL {
        let Some(spent) = profile.phases.get(phase.name()).filter(|spent| spent.calls > 0) else { continue };
        // Who waits keeps no core busy.
        let share = match phase {
            Phase::Wait => String::new(),
            _ => format!("{:.0} %", 100.0 * spent.seconds / busy.max(f64::MIN_POSITIVE)),
        };
        table.add_row([phase.name(), &format!("{:.3}", spent.seconds), &share, &grouped(spent.calls)]);
    }
    output::data(&table.to_string())?;
    let count = |counter: Counter| grouped(profile.counter(counter));
    let mut table = output::table(&[]);
    table.add_row(["threads".to_string(), format!("{:.2} s at work in {:.2} s", busy, profile.seconds)]);
    table.add_row([
        "fetched".to_string(),
        format!(
            "{} in {} requests, {} round trips",
            bytes(profile.counter(Counter::BytesFetched)),
            count(Counter::Requests),
            count(Counter::RoundTrips)
        ),
    ]);
    table.add_row([
        "decoded".to_string(),
        format!(
            "{} chunks, {}",
            count(Counter::ChunksDecoded),
            bytes(profile.counter(Counter::BytesDecoded))
        ),
    ]);
    table.add_row([
        "kept chunks".to_string(),
        format!(
            "{} found, {} waited for, {} dropped",
            count(Counter::ChunkHits),
            count(Counter::ChunkWaits),
            count(Counter::ChunksDropped)
        ),
    ]);
    table.add_row([
        "located".to_string(),
        format!("{} rows of {} granules", count(Counter::RowsLocated), count(Counter::GranulesOpened)),
    ]);
    output::data(&table.to_string())
}
