//! The order of the ids of cells, where no plan tells which cells a store has.

use serde_json::Value;

use super::blocks::Cells;
use super::findings::{Check, Findings};
use super::nodes::{Array, Group};
use super::numbers::Number;

/// Grids whose compact stores have their cells in ascending order of ids.
const ASCENDING: [&str; 2] = ["healpix", "s2"];

/// Path of the array with the ids of a group's cells, if they must ascend.
pub(super) fn path_of(group: &Group) -> Option<&str> {
    let dggs = group.attributes.get("dggs")?;
    let name = dggs.get("name").and_then(Value::as_str)?;
    let coordinate = dggs.get("coordinate").and_then(Value::as_str)?;
    let array = group.arrays.iter().find(|array| array.name == coordinate)?;
    (ASCENDING.contains(&name) && array.layout.shape.len() == 1).then_some(&*array.path)
}

/// Ids of one block: its ends, and where they do not increase.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Ids {
    first: Option<(usize, Number)>,
    last: Option<Number>,
    wrong: u64,
    first_wrong: Option<(usize, Number, Number)>,
}

impl Ids {
    /// Looks through a block. `fill` is passed over: cells of shards that were not written.
    pub(super) fn of(cells: &Cells, fill: Option<Number>) -> Self {
        let mut ids = Self::default();
        let Cells::Dense(values) = cells else { return ids };
        for (place, id) in (0..values.len()).filter_map(|i| Some((i, Number::at(values, i)?))) {
            if fill.is_some_and(|fill| id.is(fill)) {
                continue;
            }
            ids.first.get_or_insert((place, id));
            if let Some(before) = ids.last.replace(id).filter(|before| !before.is_less(id)) {
                ids.wrong += 1;
                ids.first_wrong.get_or_insert((place, id, before));
            }
        }
        ids
    }

    /// Puts together what is wrong in all blocks of an array, and between them. `blocks` are numbers of blocks, ascending.
    pub(super) fn report(array: &Array, blocks: impl Iterator<Item = (u64, Self)>, findings: &mut Findings) {
        let (mut wrong, mut first_wrong, mut last) = (0, None, None::<Number>);
        let length = array.layout.block_shape.first().copied().unwrap_or(1);
        for (block, ids) in blocks {
            let between = ids.first.zip(last).filter(|((_, id), before)| !before.is_less(*id));
            wrong += ids.wrong + u64::from(between.is_some());
            let between = between.map(|((place, id), before)| (place, id, before));
            if let Some((place, id, before)) = between.or(ids.first_wrong) {
                let place = block.saturating_mul(length).saturating_add(place as u64);
                first_wrong.get_or_insert((place, id, before));
            }
            last = ids.last.or(last);
        }
        if let Some((place, id, before)) = first_wrong {
            let message = format!(
                "{wrong} ids are not greater than the one before; the first at place {place}: {id} after {before}"
            );
            findings.add(Check::Coordinates, &array.path, message);
        }
    }
}
