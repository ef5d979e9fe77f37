//! Reductions over the rows of a cell.
