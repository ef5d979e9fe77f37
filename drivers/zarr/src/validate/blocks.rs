//! Reading the blocks of a store that may be damaged.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use zagg_core::store::Written;
use zagg_core::{Context, Error, Result, Values};

use super::nodes::Array;
use super::objects::Blocks;
use crate::layout::Layout;
use crate::store::ZarrStore;
use crate::values;

/// Most bytes of decoded blocks that are kept for other shards.
const CACHE_BYTES: usize = 128 << 20;

/// What the part of a block inside its array holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cells {
    /// Values in row-major order.
    Dense(Values),
    /// Lists: cell `i` has the items `offsets[i]..offsets[i + 1]`.
    Ragged { offsets: Vec<u64>, values: Values },
}

impl Cells {
    /// Lists and bytes: equal for equal bits, so that there is one NaN.
    pub(super) fn bits(&self) -> (&[u64], Vec<u8>) {
        match self {
            Self::Dense(values) => (&[], values.to_le_bytes()),
            Self::Ragged { offsets, values } => (offsets, values.to_le_bytes()),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Dense(values) => values.len() * values.dtype().size(),
            Self::Ragged { offsets, values } => offsets.len() * 8 + values.len() * values.dtype().size(),
        }
    }
}

/// The blocks of a store.
pub(super) struct Reader<'a> {
    store: &'a ZarrStore,
    stored: &'a Blocks,
    /// Blocks read last, of those that several shards share.
    shared: Mutex<VecDeque<Shared>>,
}

struct Shared {
    path: String,
    block: Vec<u64>,
    cells: Option<Arc<Cells>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(store: &'a ZarrStore, stored: &'a Blocks) -> Self {
        Self { store, stored, shared: Mutex::default() }
    }

    /// Name of the object of a block.
    pub(super) fn name(array: &Array, block: &[u64]) -> String {
        format!("{}/{}", array.path, Layout::chunk_key(block))
    }

    /// The object of a block; `None` when there is none, so that the block holds nothing but the fill value.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than any block of the array can be.
    pub(super) fn object(&self, array: &Array, block: &[u64]) -> Result<Option<Vec<u8>>> {
        let stored = self
            .stored
            .get(&array.path)
            .is_some_and(|stored| stored.binary_search_by(|b| (**b).cmp(block)).is_ok());
        if !stored {
            return Ok(None);
        }
        let name = Self::name(array, block);
        let bytes = self.store.store.get(&name, array.codec.max_encoded())?;
        bytes.map(Some).ok_or_else(|| Error::not_found(format!("{name} was taken away while it was checked")))
    }

    /// What a block holds, and what its object is.
    ///
    /// # Errors
    /// When it cannot be read or decoded.
    pub(super) fn block(&self, array: &Array, block: &[u64]) -> Result<(Written, Cells)> {
        let bytes = self.object(array, block)?;
        let written = bytes
            .as_ref()
            .map_or(Written::default(), |bytes| Written::object(&Self::name(array, block), bytes));
        Ok((written, decode(array, block, bytes.as_deref())?))
    }

    /// A box of the elements of a dense array that lies within one block: all that a shard has of it. `None` when the block
    /// cannot be read, which is found where blocks are read for their own sake.
    ///
    /// # Errors
    /// When the box does not lie within one block of the array.
    pub(super) fn region(&self, array: &Array, origin: &[u64], extent: &[u64]) -> Result<Option<Values>> {
        let layout = &array.layout;
        let unfit = || Error::corrupt(format!("array {} is not cut into whole shards", array.path));
        if origin.len() != layout.block_shape.len() || extent.len() != origin.len() || layout.ragged.is_some()
        {
            return Err(unfit());
        }
        let block: Vec<u64> = origin.iter().zip(&layout.block_shape).map(|(at, size)| at / size).collect();
        layout.check_block(&block).map_err(|_| unfit())?;
        let inside = layout.inside(&block);
        let start: Vec<u64> = origin.iter().zip(&layout.block_shape).map(|(at, size)| at % size).collect();
        let fits =
            start.iter().zip(extent).zip(&inside).all(|((start, extent), inside)| start + extent <= *inside);
        if !fits {
            return Err(unfit());
        }
        let Some(cells) = self.shared(array, &block) else { return Ok(None) };
        let Cells::Dense(whole) = &*cells else { return Err(unfit()) };
        let zeros = vec![0; extent.len()];
        let mut part = values::repeat(&layout.fill, extent.iter().product::<u64>() as usize);
        values::copy_values(whole, (&inside, &start), &mut part, (extent, &zeros), extent)?;
        Ok(Some(part))
    }

    fn shared(&self, array: &Array, block: &[u64]) -> Option<Arc<Cells>> {
        let lock = || self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().iter().find(|one| one.path == array.path && one.block == block) {
            return found.cells.clone();
        }
        let cells = self.block(array, block).ok().map(|(_, cells)| Arc::new(cells));
        let mut shared = lock();
        shared.push_back(Shared { path: array.path.clone(), block: block.to_vec(), cells: cells.clone() });
        let size = |one: &Shared| one.cells.as_ref().map_or(0, |cells| cells.bytes()) + 256;
        let mut total: usize = shared.iter().map(size).sum();
        while total > CACHE_BYTES
            && let Some(oldest) = shared.pop_front()
        {
            total -= size(&oldest);
        }
        cells
    }
}

/// What the bytes of a block hold.
///
/// # Errors
/// When they cannot be decoded.
pub(super) fn decode(array: &Array, block: &[u64], bytes: Option<&[u8]>) -> Result<Cells> {
    if array.layout.ragged.is_some() {
        let (offsets, values) = array.codec.decode_ragged(block, bytes)?;
        return Ok(Cells::Ragged { offsets, values });
    }
    array.codec.decode(block, bytes).map(Cells::Dense)
}

/// Does `n` pieces of work on several threads; gives their answers in order.
///
/// # Errors
/// The error of the first piece that fails.
pub(super) fn side_by_side<T: Send>(
    n: usize,
    threads: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let mut answers: Vec<(usize, T)> = Vec::with_capacity(n);
    std::thread::scope(|scope| {
        let worker = || {
            let mut answers = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= n {
                    return answers;
                }
                match zagg_core::caught(|| work(at)) {
                    Ok(answer) => answers.push((at, answer)),
                    Err(error) => {
                        next.store(n, Ordering::Relaxed);
                        failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        return answers;
                    }
                }
            }
        };
        let workers: Vec<_> = (0..threads.clamp(1, n.max(1))).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            answers.extend(worker.join().unwrap_or_default());
        }
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error).context(|| "validating");
    }
    if answers.len() != n {
        return Err(Error::plugin("a thread of the validation ended early"));
    }
    answers.sort_unstable_by_key(|(at, _)| *at);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}
