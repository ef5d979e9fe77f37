//! Where everything of a figure is.

use super::{Style, graticule};
use crate::canvas::{Rect, Text};
use crate::colours::Scale;
use crate::graticule::{Graticule, Side};
use crate::map::Map;
use crate::ticks;

/// Most lines of a title and of the colour bar's label.
const LINES: usize = 3;

/// Narrowest figure, in heights of capitals: below, titles would be cut to single words.
const NARROWEST: f64 = 26.0;

/// Where the colour bar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BarSide {
    Right,
    Below,
}

/// The places of everything, in pixels of the figure.
#[derive(Debug)]
pub(super) struct Layout {
    /// Height of capitals.
    pub(super) em: f64,
    /// Width and height of the figure.
    pub(super) size: (usize, usize),
    pub(super) map: Rect,
    pub(super) graticule: Graticule,
    pub(super) title: Vec<String>,
    pub(super) subtitle: Option<String>,
    /// Base line of the first line of the title.
    pub(super) title_base: f64,
    pub(super) bar: Rect,
    pub(super) bar_side: BarSide,
    pub(super) ticks: Vec<(f64, String)>,
    /// Label of the colour bar.
    pub(super) label: Vec<String>,
}

impl Layout {
    pub(super) fn of(map: &Map, style: &Style, scale: &Scale) -> Self {
        let (w, h) = (f64::from(map.view.width), f64::from(map.view.height));
        let em = (w.max(h) / 78.0).clamp(7.0, 64.0);
        let graticule = graticule(map, style, em);
        let reach = |side: Side| {
            let labels = graticule.labels.iter().filter(|label| label.side == side);
            labels.map(|label| Text::width(&label.text, em * 0.85)).fold(0.0, f64::max)
        };
        let beside = |width: f64| if width > 0.0 { width + em * 1.6 } else { em };
        let above = |width: f64| if width > 0.0 { em * 2.3 } else { em * 0.8 };
        let bar_side = if h >= 0.62 * w { BarSide::Right } else { BarSide::Below };
        let (thick, long) = (
            em * 1.5,
            match bar_side {
                BarSide::Right => h.clamp(em * 9.0, em * 50.0),
                BarSide::Below => w.clamp(em * 14.0, em * 50.0),
            },
        );
        let ticks = match bar_side {
            BarSide::Right => ticks::ticks(scale, (long / (em * 4.0)).clamp(2.0, 9.0)),
            BarSide::Below => {
                // As many as have room beside each other.
                let fits = |n: &f64| {
                    let ticks = ticks::ticks(scale, *n);
                    ticks.iter().map(|(_, text)| Text::width(text, em * 0.85) + em * 1.2).sum::<f64>() <= long
                };
                let n = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0].into_iter().find(fits).unwrap_or(1.0);
                ticks::ticks(scale, n)
            }
        };
        let tick_width = ticks.iter().map(|(_, text)| Text::width(text, em * 0.85)).fold(0.0, f64::max);
        let label = wrapped(&bar_label(map), long.max(em * 16.0), em);
        let label_lines = label.len() as f64 * em * 1.9;
        // A label below or above the map may reach over its corners.
        let over = |beyond: &dyn Fn(f64, f64) -> f64| {
            let labels =
                graticule.labels.iter().filter(|label| matches!(label.side, Side::Bottom | Side::Top));
            labels
                .map(|label| beyond(label.at.0, Text::width(&label.text, em * 0.85) / 2.0))
                .fold(0.0, f64::max)
        };
        let right = beside(reach(Side::Right)).max(over(&|x, half| x + half - w + em * 0.4));
        let left = beside(reach(Side::Left)).max(over(&|x, half| half - x + em * 0.4));
        let bar_room = match bar_side {
            BarSide::Right => em * 0.6 + thick + em * 1.1 + tick_width + em * 0.6 + label_lines + em * 0.4,
            BarSide::Below => 0.0,
        };
        let inner = (left + w + right + bar_room).max(em * NARROWEST);
        // Half of what a narrow map leaves free lies on either side.
        let spare = inner - (left + w + right + bar_room);
        let title = match &style.title {
            Some(title) => wrapped(title, inner - em, em * 1.25),
            None => wrapped(&default_title(map), inner - em, em * 1.25),
        };
        let subtitle = (style.title.is_none() && !title.is_empty())
            .then(|| subtitle(map))
            .filter(|text| Text::width(text, em * 0.8) < inner);
        let title_base = em * 2.2;
        let lines = title.len() as f64 * em * 2.1 + if subtitle.is_some() { em * 1.5 } else { 0.0 };
        let top = if title.is_empty() { em * 0.6 } else { em * 0.9 + lines } + above(reach(Side::Top));
        let below = above(reach(Side::Bottom));
        let map_rect = Rect { x: (left + spare / 2.0).ceil(), y: top.ceil(), width: w, height: h };
        let (bar, bottom) = match bar_side {
            BarSide::Right => {
                let bar = Rect {
                    x: (map_rect.x + w + right + em * 0.6).ceil(),
                    y: (map_rect.y + (h - long) / 2.0).round(),
                    width: thick.round(),
                    height: long.round(),
                };
                (bar, below.max((long - h) / 2.0 + em))
            }
            BarSide::Below => {
                let bar = Rect {
                    x: (map_rect.x + (w - long) / 2.0).round(),
                    y: (map_rect.y + h + below + em * 0.5).ceil(),
                    width: long.round(),
                    height: thick.round(),
                };
                (bar, below + em * 0.5 + thick + em * 2.1 + label_lines + em * 0.5)
            }
        };
        Self {
            em,
            size: ((inner + em * 0.4).ceil() as usize, (map_rect.y + h + bottom + em * 0.4).ceil() as usize),
            map: map_rect,
            graticule,
            title,
            subtitle,
            title_base,
            bar,
            bar_side,
            ticks,
            label,
        }
    }
}

/// The variable's own description, as the beginning of a sentence.
fn default_title(map: &Map) -> String {
    let name = map.long_name.as_deref().unwrap_or(&map.variable);
    let mut letters = name.chars();
    match letters.next() {
        Some(first) if map.long_name.is_some() => first.to_uppercase().chain(letters).collect(),
        _ => name.to_string(),
    }
}

fn bar_label(map: &Map) -> String {
    let item = map.item.map(|item| format!("[{item}]")).unwrap_or_default();
    match map.units.as_deref() {
        Some(units) if units != "1" => format!("{}{item} ({units})", map.variable),
        _ => format!("{}{item}", map.variable),
    }
}

fn subtitle(map: &Map) -> String {
    let system = match map.view.crs.epsg() {
        Some(_) => format!(" · {}", map.view.crs.name()),
        // A PROJ string is too long to stand here.
        None => String::new(),
    };
    format!("{} level {}{system}", map.grid, map.level)
}

/// A text in lines that are no wider than `width` pixels, where words allow; what comes after the last one is cut off.
fn wrapped(text: &str, width: f64, size: f64) -> Vec<String> {
    // Longer texts would not be read, and would be measured for long.
    let text: String = text.chars().take(400).collect();
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if Text::width(&format!("{line} {word}"), size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    for line in &mut lines {
        while line.chars().count() > 2 && Text::width(line, size) > width {
            line.pop();
            line.pop();
            line.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_to_their_width() {
        let lines =
            wrapped("mean height above the WGS84 ellipsoid, weighted by inverse variance", 200.0, 10.0);
        assert!(
            lines.len() == 3 && lines.iter().all(|line| Text::width(line, 10.0) <= 200.0 + 20.0),
            "{lines:?}"
        );
        let cut = wrapped(&"x".repeat(1000), 50.0, 10.0);
        assert!(cut.len() == 1 && Text::width(&cut[0], 10.0) <= 50.0, "{cut:?}");
        assert!(wrapped("", 50.0, 10.0).is_empty());
    }
}
