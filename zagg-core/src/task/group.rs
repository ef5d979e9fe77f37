//! Grouping rows by cell: a stable counting sort on the cell's place in the shard.

/// Bits that one pass sorts by: those of a shard of 4,096 cells, and the table of counts stays in the first-level cache.
const DIGIT_BITS: u32 = 12;

/// Rows sorted by cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted {
    /// For each sorted row, its number in arrival order. Rows of one cell stay in arrival order.
    pub permutation: Vec<u32>,
    /// `n + 1` ascending positions; group `i` is the sorted rows `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<u32>,
    /// The cell of each group, as its place in the shard, ascending.
    pub places: Vec<u32>,
}

/// Sorts rows by the place of their cell, all below `cells`. At most 2^32 - 1 rows.
pub fn sort_by_offset(places: &[u32], cells: usize) -> Sorted {
    let bits = usize::BITS - cells.saturating_sub(1).leading_zeros();
    let mut permutation: Vec<u32> = (0..places.len() as u32).collect();
    let mut scratch = vec![0u32; places.len()];
    let mut shift = 0;
    while shift < bits {
        let digit = |row: u32| (places[row as usize] >> shift) as usize & ((1 << DIGIT_BITS) - 1);
        let mut starts = [0u32; 1 << DIGIT_BITS];
        for &row in &permutation {
            starts[digit(row)] += 1;
        }
        let mut total = 0;
        for start in &mut starts {
            total += std::mem::replace(start, total);
        }
        for &row in &permutation {
            let start = &mut starts[digit(row)];
            scratch[*start as usize] = row;
            *start += 1;
        }
        std::mem::swap(&mut permutation, &mut scratch);
        shift += DIGIT_BITS;
    }
    let mut sorted = Sorted { permutation, offsets: vec![0], places: Vec::new() };
    for (at, &row) in sorted.permutation.iter().enumerate() {
        let place = places[row as usize];
        if sorted.places.last() != Some(&place) {
            if at > 0 {
                sorted.offsets.push(at as u32);
            }
            sorted.places.push(place);
        }
    }
    if !places.is_empty() {
        sorted.offsets.push(places.len() as u32);
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_stable_sort_of_the_standard_library(
            (cells, places) in prop_oneof![Just(1usize), Just(4096), Just(1 << 24)]
                .prop_flat_map(|cells| (Just(cells), prop::collection::vec(0..cells as u32, 0..300)))
        ) {
            let sorted = sort_by_offset(&places, cells);
            let mut want: Vec<u32> = (0..places.len() as u32).collect();
            want.sort_by_key(|&row| places[row as usize]);
            prop_assert_eq!(&sorted.permutation, &want);
            let mut distinct = places.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(&sorted.places, &distinct);
            prop_assert_eq!(sorted.offsets.len(), distinct.len() + 1);
            for (group, range) in sorted.offsets.windows(2).enumerate() {
                prop_assert!(range[0] < range[1]);
                for &row in &sorted.permutation[range[0] as usize..range[1] as usize] {
                    prop_assert_eq!(places[row as usize], sorted.places[group]);
                }
            }
        }
    }
}
