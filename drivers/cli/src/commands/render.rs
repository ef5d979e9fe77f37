//! `zagg render`: a picture of a variable, or its values on a plane.

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use zagg_core::{Error, Result};
use zagg_render::{Area, Coastline, ColourMap, Extent, Map, Picture, Request, Style};
use zagg_zarr::ZarrStore;

use super::validate::open;
use crate::args::Format;
use crate::args::render::{Numbers, RenderArgs};
use crate::failure::Failure;
use crate::output::{self, bytes, grouped};
use crate::{builtin, pipeline};

/// Largest file of lines.
const MAX_COASTLINE: u64 = 1 << 30;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Picture,
    Values,
}

pub(crate) fn run(args: &RenderArgs) -> Result<u8, Failure> {
    let start = Instant::now();
    // What can be wrong with the arguments is found before anything is read.
    let form = form(&args.output)?;
    let style = style(args)?;
    super::inspect::outside_of_stores(Path::new(&args.store))?;
    let store = open(&args.store, args.output_creds.as_deref())?;
    let request = Request {
        variable: variable(args, &store)?,
        level: args.level,
        crs: args.crs.clone(),
        area: area(args),
        size: args.size,
        item: args.item,
    };
    let map = Map::of(&store, &builtin::registry()?, &request)?;
    for note in map.notes() {
        output::warning(&note);
    }
    let (file, picture) = match form {
        Form::Values => (map.to_geotiff()?, None),
        Form::Picture => {
            let mut picture = map.to_png(&style)?;
            (std::mem::take(&mut picture.png), Some(picture))
        }
    };
    pipeline::write_bytes(&args.output, &file)?;
    print(args, &map, picture.as_ref(), file.len() as u64, start.elapsed().as_secs_f64())?;
    Ok(0)
}

/// Draws a variable of a store in the way that suits it.
pub(super) fn draw(store: &ZarrStore, variable: &str, size: u32, path: &Path) -> Result<()> {
    let request =
        Request { variable: variable.to_string(), level: None, crs: None, area: None, size, item: None };
    let map = Map::of(store, &builtin::registry()?, &request)?;
    pipeline::write_bytes(path, &map.to_png(&Style::default())?.png)
}

fn form(path: &Path) -> Result<Form> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "png" => Ok(Form::Picture),
        "tif" | "tiff" => Ok(Form::Values),
        _ => Err(Error::input(format!(
            "--output {}: give a file that ends in .png for a picture, or in .tif for its values",
            path.display()
        ))),
    }
}

/// The variable of the command line, or the only one that there is.
fn variable(args: &RenderArgs, store: &ZarrStore) -> Result<String> {
    if let Some(name) = &args.variable {
        return Ok(name.clone());
    }
    let names = zagg_render::variables(&store.inspect()?);
    match names.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Error::not_found(format!("store {}: it has no variables", args.store))),
        _ => Err(Error::input(format!(
            "store {}: say with --variable what is drawn; there are {}",
            args.store,
            names.join(", ")
        ))),
    }
}

fn area(args: &RenderArgs) -> Option<Area> {
    match (args.bounds, args.extent) {
        (Some(Numbers(bounds)), _) => Some(Area::Degrees(bounds)),
        (None, Some(Numbers([left, bottom, right, top]))) => {
            Some(Area::Plane(Extent { left, bottom, right, top }))
        }
        (None, None) => None,
    }
}

fn style(args: &RenderArgs) -> Result<Style> {
    Ok(Style {
        title: args.title.clone(),
        colours: ColourMap::parse(&args.colormap)?,
        scale: args.scale.into(),
        range: args.colour_range(),
        missing: args.missing.0,
        is_transparent: args.transparent,
        has_graticule: !args.no_graticule,
        is_plain: args.plain,
        coastline: args.coastline.as_deref().map(coastline).transpose()?,
    })
}

fn coastline(path: &Path) -> Result<Coastline> {
    let failed = |error: std::io::Error| Error::from_io(&error, path.display());
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .map_err(failed)?
        .take(MAX_COASTLINE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_COASTLINE {
        return Err(Error::unsupported(format!(
            "{}: it has more than a gibibyte; give simpler lines",
            path.display()
        )));
    }
    Coastline::parse(&bytes).map_err(|error| error.context(path.display()))
}

fn print(
    args: &RenderArgs,
    map: &Map,
    picture: Option<&Picture>,
    size: u64,
    seconds: f64,
) -> Result<(), Failure> {
    let extent = map.view.extent();
    let corners = [extent.left, extent.bottom, extent.right, extent.top];
    let range = map.pixels.numbers().fold(None, |range: Option<(f64, f64)>, x| {
        Some(range.map_or((x, x), |(low, high)| (low.min(x), high.max(x))))
    });
    if args.format == Format::Json {
        let mut all = json!({
            "store": args.store,
            "output": args.output,
            "bytes": size,
            "variable": map.variable,
            "item": map.item,
            "units": map.units,
            "level": map.level,
            "group": map.group,
            "crs": map.view.crs.name(),
            "extent": corners,
            "pixel": map.view.pixel,
            "width": map.view.width,
            "height": map.view.height,
            "pixels_with_value": map.looked.filled,
            "min": range.map(|range| range.0),
            "max": range.map(|range| range.1),
            "blocks_read": map.looked.blocks,
            "seconds": seconds,
        });
        if let Some(picture) = picture {
            all["picture"] = json!({
                "size": picture.size,
                "map": picture.map,
                "low": picture.scale.low,
                "high": picture.scale.high,
            });
        }
        return output::json(&all);
    }
    let mut table = output::table(&[]);
    let place = format!("{} ({})", args.output.display(), bytes(size));
    table.add_row([if picture.is_some() { "picture" } else { "GeoTIFF" }, &place]);
    table.add_row(["variable", &format!("{} at level {}", map.variable, map.level)]);
    let unit = if map.view.crs.is_geographic() { "°" } else { "" };
    table.add_row(["plane", &format!("{}, pixels of {:.6}{unit}", map.view.crs.name(), map.view.pixel)]);
    table.add_row(["extent", &corners.map(|x| format!("{x:.4}")).join(", ")]);
    let pixels = u64::from(map.view.width) * u64::from(map.view.height);
    table.add_row([
        "pixels",
        &format!(
            "{} by {}, {} of {} with a value",
            map.view.width,
            map.view.height,
            grouped(map.looked.filled),
            grouped(pixels)
        ),
    ]);
    if let Some((low, high)) = range {
        let units = map
            .units
            .as_deref()
            .filter(|units| *units != "1")
            .map(|units| format!(" {units}"))
            .unwrap_or_default();
        table.add_row(["values", &format!("{low} to {high}{units}")]);
    }
    if let Some(picture) = picture {
        table.add_row(["colours", &format!("{} to {}", picture.scale.low, picture.scale.high)]);
    }
    table.add_row(["time", &format!("{seconds:.2} s, {} blocks read", grouped(map.looked.blocks))]);
    output::data(&table.to_string())
}
