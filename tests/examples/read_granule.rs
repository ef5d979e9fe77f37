//! Reads columns of some beams of a granule by its address, for the benchmark beside other readers.
//!
//! `read_granule ADDRESS --paths A,B,… [--read-ahead BYTES] [--save FILE | --index FILE]` prints one line of JSON: the seconds from the call to
//! the values, and the sum of every dataset. With `--save` it keeps what was found, with `--index` it starts from that.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use zagg_access::Access;
use zagg_core::source::{ObjectIdentity, OpenObject};
use zagg_core::{Error as ZaggError, Rows, Values};
use zagg_hdf5::{Dataset, Hdf5File, ReadOptions, RowRequest, SavedDataset, SavedFile};

const USAGE: &str =
    "usage: read_granule ADDRESS --paths A,B,… [--read-ahead BYTES] [--save FILE | --index FILE]";

type Index = (ObjectIdentity, SavedFile, Vec<SavedDataset>);

fn main() -> Result<(), Box<dyn Error>> {
    let (mut address, mut paths, mut save, mut index) = (None, Vec::new(), None, None);
    let mut options = ReadOptions::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut next = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--paths" => paths = next()?.split(',').map(str::to_owned).collect(),
            "--read-ahead" => options.read_ahead = next()?.parse()?,
            "--save" => save = Some(next()?),
            "--index" => index = Some(next()?),
            _ => address = Some(argument),
        }
    }
    let address = address.ok_or(USAGE)?;
    let access = Access::default();

    let started = Instant::now();
    let (file, datasets, identity) = match index {
        Some(index) => {
            let (identity, file, datasets): Index = serde_json::from_slice(&std::fs::read(index)?)?;
            let reader = access.open_known(&address, &identity)?;
            let file = Hdf5File::from_saved(reader, &options, &file)?;
            let restored =
                paths.iter().zip(&datasets).map(|(path, saved)| saved.dataset(path, file.location()));
            let datasets: Vec<Dataset> = restored.collect::<Result<_, _>>()?;
            (file, datasets, identity)
        }
        None => {
            let reader = access.open(&address)?;
            let identity = ObjectIdentity::of(&*reader);
            let file = Hdf5File::open(reader, &options)?;
            let found = paths.iter().zip(file.datasets(&paths)).map(|(path, found)| {
                found?.ok_or_else(|| ZaggError::not_found(format!("there is no dataset {path}")))
            });
            let datasets = found.collect::<Result<_, _>>()?;
            (file, datasets, identity)
        }
    };
    let rows: Vec<Rows> = datasets.iter().map(|dataset| Rows::all(dataset.rows())).collect();
    let requests: Vec<RowRequest<'_>> =
        datasets.iter().zip(&rows).map(|(dataset, rows)| RowRequest::new(dataset, rows)).collect();
    let values: Vec<Values> = file.read_rows(&requests).into_iter().collect::<Result<_, _>>()?;
    let seconds = started.elapsed().as_secs_f64();

    if let Some(path) = save {
        let datasets = file.save(&datasets.iter().collect::<Vec<_>>(), &[])?;
        std::fs::write(path, serde_json::to_vec(&(identity, file.saved(), datasets))?)?;
    }
    let sums: Vec<f64> = values.iter().map(|values| values.to_f64().iter().sum()).collect();
    writeln!(std::io::stdout(), "{}", serde_json::json!({ "seconds": seconds, "sums": sums }))?;
    Ok(())
}
