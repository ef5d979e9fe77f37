//! Arguments of `zagg render`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use zagg_render::{Range, ScaleKind};

use super::Format;

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// Store to draw: a path or s3://bucket/folder
    #[arg(value_name = "STORE")]
    pub(crate) store: String,
    /// File to write: a picture (.png), or the values of its pixels as a GeoTIFF (.tif)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Variable to draw, such as h_mean; may be left out where a store has one
    #[arg(long, value_name = "NAME")]
    pub(crate) variable: Option<String>,
    /// Of a variable with several numbers per cell, which to draw, counted from 0
    #[arg(long, value_name = "N")]
    pub(crate) item: Option<u64>,
    /// Level to draw, as output.grid.levels numbers it; default: the finest whose cells are no smaller than pixels
    #[arg(long, value_name = "N")]
    pub(crate) level: Option<u64>,
    /// Plane to draw on: an EPSG code such as EPSG:3031, or a PROJ string; default: the grid's own, EPSG:3031 or EPSG:3413 for
    /// polar data, else EPSG:4326
    #[arg(long, value_name = "CRS", allow_hyphen_values = true)]
    pub(crate) crs: Option<String>,
    /// Part to draw: west,south,east,north in degrees; default: the shards that have values
    #[arg(long, value_name = "W,S,E,N", value_parser = numbers::<4>, allow_hyphen_values = true, conflicts_with = "extent")]
    pub(crate) bounds: Option<Numbers<4>>,
    /// Part to draw: left,bottom,right,top in the units of the plane
    #[arg(long, value_name = "L,B,R,T", value_parser = numbers::<4>, allow_hyphen_values = true)]
    pub(crate) extent: Option<Numbers<4>>,
    /// Pixels along the longer side of the map
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub(crate) size: u32,
    /// Colours: viridis, magma, inferno, plasma, cividis, turbo, greys, blues, ylgnbu, ylorrd, rdbu, rdylbu, brbg, puor, spectral,
    /// cool; with _r behind it the other way around
    #[arg(long, value_name = "NAME", default_value = "viridis")]
    pub(crate) colormap: String,
    /// Values of the first and the last colour
    #[arg(long, value_name = "LOW,HIGH", value_parser = numbers::<2>, allow_hyphen_values = true, conflicts_with = "percentiles")]
    pub(crate) range: Option<Numbers<2>>,
    /// Percentiles of the values shown that have the first and the last colour; default: 1,99
    #[arg(long, value_name = "LOW,HIGH", value_parser = numbers::<2>)]
    pub(crate) percentiles: Option<Numbers<2>>,
    /// How values are spread over the colours
    #[arg(long, value_enum, default_value_t)]
    pub(crate) scale: ScaleArg,
    /// Title; default: what the store calls the variable. Empty for none
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// GeoJSON whose lines and borders are drawn over the map, such as a coast
    #[arg(long, value_name = "FILE")]
    pub(crate) coastline: Option<PathBuf>,
    /// Colour of places without a value: six hexadecimal digits, or none
    #[arg(long, value_name = "RRGGBB", default_value = "e4e4e4", value_parser = colour)]
    pub(crate) missing: Colour,
    /// Leave what is around the map transparent
    #[arg(long)]
    pub(crate) transparent: bool,
    /// Draw no meridians and parallels
    #[arg(long)]
    pub(crate) no_graticule: bool,
    /// Draw the map alone: one pixel of the file for each of the map
    #[arg(long)]
    pub(crate) plain: bool,
    /// Keys for buckets of your own, as JSON with accessKeyId and secretAccessKey; default: what the environment has for AWS
    #[arg(long, value_name = "FILE")]
    pub(crate) output_creds: Option<PathBuf>,
    /// Form of the summary on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Numbers with commas between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Numbers<const N: usize>(pub(crate) [f64; N]);

fn numbers<const N: usize>(text: &str) -> Result<Numbers<N>, String> {
    let numbers: Option<Vec<f64>> =
        text.split(',').map(|n| n.trim().parse().ok().filter(|x: &f64| x.is_finite())).collect();
    let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
    numbers.map(Numbers).ok_or_else(|| format!("give {N} numbers with commas between them"))
}

/// A colour, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) Option<[u8; 3]>);

fn colour(text: &str) -> Result<Colour, String> {
    if text == "none" {
        return Ok(Colour(None));
    }
    let digits = text.strip_prefix('#').unwrap_or(text);
    let is_hex = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
    let [_, r, g, b] =
        number.ok_or("give six hexadecimal digits such as e4e4e4, or none for transparent")?.to_be_bytes();
    Ok(Colour(Some([r, g, b])))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ScaleArg {
    #[default]
    Linear,
    Log,
}

impl From<ScaleArg> for ScaleKind {
    fn from(scale: ScaleArg) -> Self {
        match scale {
            ScaleArg::Linear => Self::Linear,
            ScaleArg::Log => Self::Log,
        }
    }
}

impl RenderArgs {
    /// Which values have the outermost colours.
    pub(crate) fn colour_range(&self) -> Range {
        match (self.range, self.percentiles) {
            (Some(Numbers([low, high])), _) => Range::Values(low, high),
            (None, Some(Numbers([low, high]))) => Range::Percentiles(low, high),
            (None, None) => Range::Percentiles(1.0, 99.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_colours_are_read_strictly() {
        assert_eq!(numbers::<2>("-1.5, 2e3"), Ok(Numbers([-1.5, 2000.0])));
        for bad in ["", "1", "1,2,3", "1,x", "1,nan", "1,inf"] {
            assert!(numbers::<2>(bad).is_err(), "{bad}");
        }
        assert_eq!(colour("#0a0B0c"), Ok(Colour(Some([10, 11, 12]))));
        assert_eq!(colour("none"), Ok(Colour(None)));
        for bad in ["", "fff", "gggggg", "1234567", "+12345"] {
            assert!(colour(bad).is_err(), "{bad}");
        }
    }
}
