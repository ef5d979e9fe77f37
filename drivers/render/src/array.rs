//! Where a cell of an array is: in which block, and at which place of it.

use zagg_zarr::ArraySummary;

/// Shape of an array and of its blocks, and which of its elements of a cell is meant.
#[derive(Debug, Clone)]
pub(crate) struct Geometry {
    shape: Vec<u64>,
    block_shape: Vec<u64>,
    /// Blocks along each dimension.
    blocks: Vec<u64>,
    /// Index along the dimensions behind those of cells.
    item: Vec<u64>,
}

/// A place in an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the block, row by row.
    pub(crate) block: u64,
    /// Number of the element in the part of the block that lies inside the array, row by row.
    pub(crate) offset: u32,
}

impl Geometry {
    /// The geometry of an array whose first `dimensions` are those of cells; `item` counts its elements of one cell.
    /// `None` when there is no such item.
    pub(crate) fn new(array: &ArraySummary, dimensions: usize, item: u64) -> Option<Self> {
        let (shape, block_shape) = (array.shape.clone(), array.block_shape.clone());
        let extra = shape.get(dimensions..)?;
        let mut rest = item;
        let mut index: Vec<u64> = extra
            .iter()
            .rev()
            .map(|&size| {
                let at = rest.checked_rem(size).unwrap_or(0);
                rest = rest.checked_div(size).unwrap_or(1);
                at
            })
            .collect();
        index.reverse();
        let blocks = shape.iter().zip(&block_shape).map(|(n, block)| n.div_ceil((*block).max(1))).collect();
        (rest == 0).then_some(Self { shape, block_shape, blocks, item: index })
    }

    /// The place of a cell with this index; `None` outside the array.
    pub(crate) fn place(&self, cell: &[u64]) -> Option<Place> {
        if cell.len() + self.item.len() != self.shape.len() {
            return None;
        }
        let (mut block, mut offset) = (0u64, 0u64);
        for (d, &index) in cell.iter().chain(&self.item).enumerate() {
            let (extent, size) = (self.shape[d], self.block_shape[d].max(1));
            if index >= extent {
                return None;
            }
            let number = index / size;
            let inside = (extent - number * size).min(size);
            block = block.checked_mul(self.blocks[d])?.checked_add(number)?;
            offset = offset.checked_mul(inside)?.checked_add(index % size)?;
        }
        Some(Place { block, offset: u32::try_from(offset).ok()? })
    }

    /// The number of a block, row by row.
    pub(crate) fn number(&self, block: &[u64]) -> Option<u64> {
        if block.len() != self.blocks.len() {
            return None;
        }
        block
            .iter()
            .zip(&self.blocks)
            .try_fold(0u64, |number, (index, n)| number.checked_mul(*n)?.checked_add(*index))
    }

    /// The position of a block with this number.
    pub(crate) fn block(&self, mut number: u64) -> Vec<u64> {
        let mut block: Vec<u64> = self
            .blocks
            .iter()
            .rev()
            .map(|&n| {
                let index = number % n.max(1);
                number /= n.max(1);
                index
            })
            .collect();
        block.reverse();
        block
    }

    /// Elements of a whole block.
    pub(crate) fn block_elements(&self) -> u64 {
        self.block_shape.iter().fold(1, |all, &n| all.saturating_mul(n))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zagg_core::store::Compression;
    use zagg_core::{DType, Values};

    use super::*;

    fn array(shape: &[u64], block: &[u64]) -> ArraySummary {
        ArraySummary {
            name: "a".into(),
            dtype: DType::Float32,
            fill: Values::Float32(vec![f32::NAN]),
            ragged: None,
            dimensions: vec![String::new(); shape.len()],
            shape: shape.to_vec(),
            block_shape: block.to_vec(),
            chunk_shape: block.to_vec(),
            compression: Compression::Zstd,
            attributes: serde_json::Map::new(),
        }
    }

    proptest! {
        #[test]
        fn every_cell_has_a_place_of_its_own(
            rows in 1u64..9, columns in 1u64..9, items in 1u64..4, h in 1u64..5, w in 1u64..5, item in 0u64..4,
        ) {
            let geometry = Geometry::new(&array(&[rows, columns, items], &[h, w, items]), 2, item);
            prop_assert_eq!(geometry.is_some(), item < items);
            let Some(geometry) = geometry else { return Ok(()) };
            let mut seen = std::collections::BTreeSet::new();
            for row in 0..rows {
                for column in 0..columns {
                    let place = geometry.place(&[row, column]).unwrap();
                    prop_assert_eq!(geometry.block(place.block), vec![row / h, column / w, 0]);
                    prop_assert_eq!(geometry.number(&geometry.block(place.block)), Some(place.block));
                    let inside = (columns - column / w * w).min(w);
                    prop_assert_eq!(u64::from(place.offset), ((row % h) * inside + column % w) * items + item);
                    prop_assert!(seen.insert((place.block, place.offset)));
                }
            }
            prop_assert_eq!(geometry.place(&[rows, 0]), None);
            prop_assert_eq!(geometry.place(&[0]), None);
        }
    }
}
