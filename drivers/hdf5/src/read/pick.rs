//! Of the elements of a dataset, the part that is read: a field of a record, one value of an array.

use super::RowRequest;

/// The element of a row, by its number, that holds the column asked for.
pub(super) fn stored_column(request: &RowRequest<'_>) -> Option<u64> {
    Some(request.column? / request.dataset.view().count().max(1))
}

/// The bytes of the values from those of whole elements.
pub(super) fn values(request: &RowRequest<'_>, mut elements: Vec<u8>) -> Vec<u8> {
    let view = request.dataset.view();
    let (whole, value) = (request.dataset.element_size() as usize, view.datatype.size as usize);
    let (start, len) = match request.column {
        Some(column) => ((column % view.count().max(1)) as usize * value, value),
        None => (0, view.bytes() as usize),
    };
    let start = start + view.offset as usize;
    if whole == len || whole == 0 {
        return elements;
    }
    // Values only move towards the front.
    let count = elements.len() / whole;
    for element in 0..count {
        let from = element * whole + start;
        elements.copy_within(from..from + len, element * len);
    }
    elements.truncate(count * len);
    elements
}
