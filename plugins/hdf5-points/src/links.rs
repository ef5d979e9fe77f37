//! Links of a coarser level to the rows of a part: which rows each parent stands for.

use std::ops::Range;

use zagg_core::{Column, Error, Result, Rows, Values};

/// Most rows to which values of a coarser level are spread at once.
const MAX_SPREAD: u64 = 1 << 27;

/// In the place of a parent where there is none.
const NONE: u32 = u32::MAX;

/// The parents that have rows, ascending, each with its rows. No row has two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    starts: Vec<u64>,
    ends: Vec<u64>,
    /// Numbers of the parents among the rows of their level.
    parents: Vec<u32>,
    /// Rows of the level.
    level_rows: usize,
    /// Rows of the part.
    rows: u64,
}

impl Links {
    /// The links of a level. `first` has the number of the first row of each parent, where the part's first row has number
    /// `base`, and `count` how many rows there are; parents without rows may have any number. Parents come in the order of
    /// their rows. Where two overlap, as subsetters leave them, the rows belong to the later one.
    ///
    /// # Errors
    /// When the numbers are no integers, run backwards, or lead outside of the part.
    pub(crate) fn new(level: &str, first: &Values, count: &Values, base: u64, rows: u64) -> Result<Self> {
        let whole = |values: &Values, what: &str| {
            whole(values).ok_or_else(|| {
                Error::corrupt(format!("{what} of level {level} holds {}, no row numbers", values.dtype()))
            })
        };
        let (first, count) = (whole(first, "index_beg")?, whole(count, "count")?);
        if first.len() != count.len() || first.len() >= NONE as usize {
            return Err(Error::corrupt(format!(
                "level {level} has {} values of index_beg and {} of count",
                first.len(),
                count.len()
            )));
        }
        let mut links =
            Self { starts: Vec::new(), ends: Vec::new(), parents: Vec::new(), level_rows: first.len(), rows };
        for (parent, (first, count)) in (0u32..).zip(first.into_iter().zip(count)) {
            let fault = |what: &str| {
                Error::corrupt(format!(
                    "row {parent} of level {level} stands for {count} rows from number {first} on: {what}"
                ))
            };
            if count == 0 {
                continue;
            }
            if count < 0 {
                return Err(fault("there are no such rows"));
            }
            let start = first - i128::from(base);
            if start < 0 {
                return Err(fault(&format!("rows have numbers from {base} on; check index_base")));
            }
            let end = start + count;
            if end > i128::from(rows) {
                return Err(fault(&format!("the part has {rows} rows; check index_base")));
            }
            // Both lie within the part.
            let (start, end) = (start as u64, end as u64);
            if let (Some(&before), Some(before_end)) = (links.starts.last(), links.ends.last_mut()) {
                if start <= before {
                    return Err(fault("parents must come in the order of their rows"));
                }
                *before_end = start.min(*before_end);
            }
            links.starts.push(start);
            links.ends.push(end);
            links.parents.push(parent);
        }
        Ok(links)
    }

    /// Whether every row has a parent.
    pub(crate) fn are_complete(&self) -> bool {
        let ends = std::iter::once(&0).chain(&self.ends);
        let starts = self.starts.iter().chain(std::iter::once(&self.rows));
        ends.eq(starts)
    }

    /// Numbers of the parents with rows.
    pub(crate) fn parents(&self) -> &[u32] {
        &self.parents
    }

    /// Every row once, as ranges with their parents; none for rows without.
    pub(crate) fn ranges(&self) -> Vec<(Option<u32>, Range<u64>)> {
        let mut all = Vec::with_capacity(self.parents.len());
        let mut next = 0;
        for ((&parent, &start), &end) in self.parents.iter().zip(&self.starts).zip(&self.ends) {
            if next < start {
                all.push((None, next..start));
            }
            all.push((Some(parent), start..end));
            next = end;
        }
        if next < self.rows {
            all.push((None, next..self.rows));
        }
        all
    }

    /// Which parents some rows have.
    ///
    /// # Errors
    /// When there are too many rows.
    pub(crate) fn spread(&self, rows: &Rows) -> Result<Spread> {
        if rows.len() > MAX_SPREAD {
            return Err(Error::unsupported(format!(
                "values of a level are wanted for {} rows at once, over the limit of {MAX_SPREAD}; choose smaller shards",
                rows.len()
            )));
        }
        let mut at = Vec::with_capacity(rows.len() as usize);
        let mut wanted: Vec<Range<u64>> = Vec::new();
        // How many parents are wanted so far.
        let mut count = 0u32;
        for range in rows.ranges() {
            let mut next = range.start;
            let mut link = self.ends.partition_point(|&end| end <= range.start);
            while next < range.end {
                let fits = link < self.starts.len() && self.starts[link] < range.end;
                let (start, end) = if fits {
                    (self.starts[link].max(next), self.ends[link].min(range.end))
                } else {
                    (range.end, range.end)
                };
                at.resize(at.len() + (start - next) as usize, NONE);
                if fits {
                    let parent = u64::from(self.parents[link]);
                    match wanted.last_mut() {
                        Some(last) if last.end == parent + 1 => {}
                        Some(last) if last.end == parent => {
                            last.end += 1;
                            count += 1;
                        }
                        _ => {
                            wanted.push(parent..parent + 1);
                            count += 1;
                        }
                    }
                    at.resize(at.len() + (end - start) as usize, count - 1);
                    link += 1;
                }
                next = end;
            }
        }
        Ok(Spread { parents: Rows::from_ranges(wanted), at })
    }
}

/// Parents of some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spread {
    /// The parents, as rows of their level.
    pub(crate) parents: Rows,
    /// For each row its parent by number among these; [`NONE`] for a row without.
    at: Vec<u32>,
}

impl Spread {
    /// The values of the parents for each row; missing where a row has no parent.
    ///
    /// # Errors
    /// When there are not as many values as parents.
    pub(crate) fn apply(&self, column: &Column) -> Result<Column> {
        if column.len() as u64 != self.parents.len() {
            return Err(Error::plugin("the reader gave too few values of a level"));
        }
        if self.at.contains(&NONE) {
            let orphans: Vec<bool> = self.at.iter().map(|&at| at == NONE).collect();
            if column.values.is_empty() {
                let values = Values::Float64(vec![0.0; self.at.len()]).cast(column.values.dtype())?;
                return Ok(Column { values, missing: Some(orphans) });
            }
            let at: Vec<u32> = self.at.iter().map(|&at| if at == NONE { 0 } else { at }).collect();
            let Column { values, missing } = column.gather(&at);
            let missing = match missing {
                None => orphans,
                Some(missing) => missing.iter().zip(&orphans).map(|(a, b)| *a || *b).collect(),
            };
            return Ok(Column { values, missing: Some(missing) });
        }
        Ok(column.gather(&self.at))
    }
}

fn whole(values: &Values) -> Option<Vec<i128>> {
    macro_rules! arms {
        ($($variant:ident),*) => {
            match values {
                $(Values::$variant(values) => Some(values.iter().map(|&value| i128::from(value)).collect()),)*
                _ => None,
            }
        };
    }
    arms!(Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64)
}

#[cfg(test)]
mod tests;
