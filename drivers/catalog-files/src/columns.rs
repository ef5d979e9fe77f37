//! Tables of Apache Parquet, column by column.

mod bounds;
mod read;
mod thrift;
mod write;

pub(crate) use read::{Batch, Table};
pub(crate) use write::{Leaf, Sheet, Values, schema};

use zagg_core::Error;

/// What the crate `parquet` says about a file, in one line.
fn from_parquet(name: &str, error: &::parquet::errors::ParquetError) -> Error {
    use ::parquet::errors::ParquetError;
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    match error {
        ParquetError::NYI(_) => Error::unsupported(format!("{name}: {text}")),
        ParquetError::External(cause) => match cause.downcast_ref::<std::io::Error>() {
            Some(error) => Error::from_io(error, name),
            None => corrupt(name, &text),
        },
        _ => corrupt(name, &text),
    }
}

/// A file that contradicts its format.
fn corrupt(name: &str, what: &str) -> Error {
    Error::corrupt(format!("{name}: not a sound Parquet file: {what}"))
}
