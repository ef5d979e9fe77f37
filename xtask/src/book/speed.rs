//! What the README says of speed: rows of the pages that hold what was measured, so that each number stands in one place.

use crate::Result;
use crate::process::root;

/// What `cargo xtask long --only peers` writes.
const PEERS: &str = "docs/src/measured/peers.md";
/// Has a table of what the benchmarks print.
const BENCHMARKS: &str = "docs/src/performance.md";
/// How the rows of that table begin that the README has, too.
const CHOSEN: [&str; 4] = [
    "inflating a chunk of 10,000 heights, per core",
    "position to cell, WGS84, order 12, per core",
    "nine ATL06 statistics, 400 rows per cell, per core",
    "the same, 1.6 rows per cell",
];
/// Around the table in the README.
const MARKS: [&str; 2] = ["<!-- measured: cargo xtask reference -->\n", "<!-- end -->\n"];

/// The README with its table as it should be.
pub(super) fn readme() -> Result<String> {
    let read =
        |name: &str| std::fs::read_to_string(root().join(name)).map_err(|error| format!("{name}: {error}"));
    within(&read("README.md")?, &table(&read(PEERS)?, &read(BENCHMARKS)?)?)
}

fn within(readme: &str, table: &str) -> Result<String> {
    let lost = || format!("README.md: there are no lines {MARKS:?} around its table of speed");
    let (head, rest) = readme.split_once(MARKS[0]).ok_or_else(lost)?;
    let (_, tail) = rest.split_once(MARKS[1]).ok_or_else(lost)?;
    Ok(format!("{head}{}{table}{}{tail}", MARKS[0], MARKS[1]))
}

fn table(peers: &str, benchmarks: &str) -> Result<String> {
    // "16 granules, 429 MB, … cells, on 2 cores. Making the shard map takes …"
    let job = peers.split(". ").next().and_then(|line| line.split_once(", on ")).map(|(job, _)| job);
    let job = job.ok_or_else(|| format!("{PEERS}: its first line does not say what was run"))?;
    let ours =
        row(peers, "zagg, whole run").ok_or_else(|| format!("{PEERS}: there is no whole run of zagg"))?;
    let theirs = row(peers, "Python zagg").ok_or_else(|| format!("{PEERS}: there is no Python zagg"))?;
    let ([_, seconds, _, memory, _], [name, their_seconds, ratio, their_memory, their_ratio]) =
        (ours.as_slice(), theirs.as_slice())
    else {
        return Err(format!("{PEERS}: its first table has not five columns"));
    };
    let mut lines = vec![
        "| what | zagg | beside it | ratio |".to_owned(),
        "|---|---:|---:|---:|".to_owned(),
        format!("| whole run: {job} | {seconds} s | {name}: {their_seconds} s | {ratio} × |"),
        format!("| its peak memory | {memory} MiB | {their_memory} MiB | {their_ratio} × less |"),
    ];
    for chosen in CHOSEN {
        let line = benchmarks.lines().find(|line| line.starts_with(&format!("| {chosen} |")));
        lines.push(line.ok_or_else(|| format!("{BENCHMARKS}: there is no row {chosen:?}"))?.to_owned());
    }
    Ok(lines.join("\n") + "\n")
}

/// The cells of the first row whose first begins so.
fn row<'a>(text: &'a str, start: &str) -> Option<Vec<&'a str>> {
    let line = text.lines().find(|line| line.starts_with(&format!("| {start}")))?;
    Some(line.trim_matches('|').split('|').map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_what_was_measured() {
        let peers = "16 granules, 429 MB, on 2 cores. Making it takes 1 s.\n\n| program | seconds | ratio | peak MiB | ratio |\n\
                     | zagg, whole run (1.9 s of all threads) | 1.9 | 1 | 92 | 1.0 |\n\
                     | Python zagg 0.61.0, 40 of 396 shards, scaled up | 387 | 204 | 293 | 3.2 |\n";
        let benchmarks = CHOSEN.map(|chosen| format!("| {chosen} | 1 | | |\n")).concat();
        let table = table(peers, &benchmarks).unwrap();
        assert!(table.contains("| whole run: 16 granules, 429 MB | 1.9 s | Python zagg 0.61.0, 40 of 396 shards, scaled up: 387 s | 204 × |"), "{table}");
        assert!(table.contains("| its peak memory | 92 MiB | 293 MiB | 3.2 × less |"), "{table}");
        let readme = within(&format!("a\n{}old\n{}b\n", MARKS[0], MARKS[1]), &table).unwrap();
        assert_eq!(within(&readme, &table).unwrap(), readme);
        assert!(readme.starts_with("a\n") && readme.ends_with("b\n") && !readme.contains("old"));
        assert!(within("none", &table).is_err() && super::table("", &benchmarks).is_err());
    }
}
