//! Expressions over columns.
