//! Byte ranges of objects by href.
