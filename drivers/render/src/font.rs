//! A stroke font, drawn for zagg: letters are lines of one width with round ends, so that they look alike at every size and angle.
//!
//! Units: capitals are 10 high, small letters 7, the base line is 0. A glyph is a text of words: `m x,y` lifts the pen and sets it
//! down, `l x,y` draws a line, `a cx,cy,rx,ry,from,to` draws a piece of an ellipse between two angles in degrees, counted
//! anticlockwise from the right; a line leads there when the pen is down.

/// Height of capitals.
pub(crate) const CAPITAL: f64 = 10.0;

/// Room between two letters.
const GAP: f64 = 2.7;

/// Width of a space.
const SPACE: f64 = 3.4;

/// Width of every digit, so that numbers below each other stand in columns.
const DIGIT: f64 = 6.2;

/// Degrees between two points of an arc.
const STEP: f64 = 12.0;

#[rustfmt::skip]
const GLYPHS: &[(char, &str)] = &[
    ('0', "a 3.1,5,3.1,5,0,360"),
    ('1', "m 0.9,7.9 l 3.5,10 l 3.5,0"),
    ('2', "a 3.1,7.05,2.9,2.95,165,-38 l 0.1,0 l 6.1,0"),
    ('3', "a 3,7.65,2.5,2.35,150,-90 a 3,2.65,3.1,2.65,90,-150"),
    ('4', "m 4.7,0 l 4.7,10 l 0,2.9 l 6.3,2.9"),
    ('5', "m 5.5,10 l 1.1,10 l 0.7,5.4 a 3,3.2,3.1,3.2,137,-145"),
    ('6', "a 3.1,3.2,3.1,3.2,0,360 m 0,3.2 a 5,3.2,5,6.8,180,97"),
    ('7', "m 0.1,10 l 6.1,10 l 2.2,0"),
    ('8', "a 3.1,7.6,2.6,2.4,0,360 m 3.1,5.2 a 3.1,2.6,3.1,2.6,90,450"),
    ('9', "a 3.1,6.8,3.1,3.2,0,360 m 6.2,6.8 a 1.2,6.8,5,6.8,0,-83"),
    ('A', "m 0,0 l 3.8,10 l 7.6,0 m 1.3,3.4 l 6.3,3.4"),
    ('B', "m 0,5.2 l 0,10 l 3.3,10 a 3.3,7.6,2.4,2.4,90,-90 l 0,5.2 l 0,0 l 3.5,0 a 3.5,2.6,2.6,2.6,-90,90"),
    ('C', "a 4.5,5,4.5,5,48,312"),
    ('D', "m 0,0 l 0,10 l 2.8,10 a 2.8,5,4.4,5,90,-90 l 0,0"),
    ('E', "m 5.5,10 l 0,10 l 0,0 l 5.5,0 m 0,5.2 l 4.8,5.2"),
    ('F', "m 5.3,10 l 0,10 l 0,0 m 0,5.1 l 4.5,5.1"),
    ('G', "a 4.5,5,4.5,5,48,318 l 7.9,4.6 l 5,4.6"),
    ('H', "m 0,0 l 0,10 m 7,0 l 7,10 m 0,5.2 l 7,5.2"),
    ('I', "m 0,0 l 0,10"),
    ('J', "m 4,10 l 4,2.6 a 1.8,2.6,2.2,2.6,0,-130"),
    ('K', "m 0,0 l 0,10 m 6.2,10 l 0,3.8 m 2.3,6.1 l 6.6,0"),
    ('L', "m 0,10 l 0,0 l 5.2,0"),
    ('M', "m 0,0 l 0,10 l 4.2,3 l 8.4,10 l 8.4,0"),
    ('N', "m 0,0 l 0,10 l 7,0 l 7,10"),
    ('O', "a 4.7,5,4.7,5,0,360"),
    ('P', "m 0,0 l 0,10 l 3.4,10 a 3.4,7.2,2.8,2.8,90,-90 l 0,4.4"),
    ('Q', "a 4.7,5,4.7,5,0,360 m 5.8,2.4 l 8.8,-0.6"),
    ('R', "m 0,0 l 0,10 l 3.4,10 a 3.4,7.2,2.8,2.8,90,-90 l 0,4.4 m 3.2,4.4 l 6.4,0"),
    ('S', "a 3.2,7.55,2.8,2.45,32,270 a 3.2,2.55,3.1,2.55,90,-148"),
    ('T', "m 0,10 l 7,10 m 3.5,10 l 3.5,0"),
    ('U', "m 0,10 l 0,3.4 a 3.5,3.4,3.5,3.4,180,360 l 7,10"),
    ('V', "m 0,10 l 3.7,0 l 7.4,10"),
    ('W', "m 0,10 l 2.6,0 l 5.2,9.4 l 7.8,0 l 10.4,10"),
    ('X', "m 0,10 l 6.8,0 m 6.8,10 l 0,0"),
    ('Y', "m 0,10 l 3.5,4.8 l 7,10 m 3.5,4.8 l 3.5,0"),
    ('Z', "m 0.2,10 l 6.4,10 l 0,0 l 6.6,0"),
    ('a', "m 5.2,0 l 5.2,4.6 a 2.75,4.6,2.45,2.4,0,152 m 5.2,4.1 l 2.1,4.1 a 2.1,2.05,2.1,2.05,90,270 l 2.7,0 a 2.7,2.3,2.5,2.3,-90,0"),
    ('b', "m 0,10 l 0,0 m 0,3.5 a 2.9,3.5,2.9,3.5,180,-180"),
    ('c', "a 3,3.5,3,3.5,48,312"),
    ('d', "m 5.8,10 l 5.8,0 m 5.8,3.5 a 2.9,3.5,2.9,3.5,0,360"),
    ('e', "m 0.05,3.7 l 5.9,3.7 a 2.95,3.5,2.95,3.5,4,318"),
    ('f', "a 3.5,8,1.9,2,72,180 l 1.6,0 m 0,6.8 l 3.7,6.8"),
    ('g', "m 5.8,3.5 a 2.9,3.5,2.9,3.5,0,360 m 5.8,7 l 5.8,-0.4 a 2.9,-0.4,2.9,2.7,0,-148"),
    ('h', "m 0,10 l 0,0 m 0,4.2 a 2.7,4.2,2.7,2.8,180,0 l 5.4,0"),
    ('i', "m 0,7 l 0,0 m 0,9.7 l 0,9.8"),
    ('j', "m 1.8,7 l 1.8,-1.2 a 0,-1.2,1.8,1.9,0,-75 m 1.8,9.7 l 1.8,9.8"),
    ('k', "m 0,10 l 0,0 m 5,7 l 0,2.4 m 1.8,4.1 l 5.3,0"),
    ('l', "m 0,10 l 0,0"),
    ('m', "m 0,7 l 0,0 m 0,4.6 a 2.3,4.6,2.3,2.4,180,0 l 4.6,0 m 4.6,4.6 a 6.9,4.6,2.3,2.4,180,0 l 9.2,0"),
    ('n', "m 0,7 l 0,0 m 0,4.2 a 2.7,4.2,2.7,2.8,180,0 l 5.4,0"),
    ('o', "a 3.05,3.5,3.05,3.5,0,360"),
    ('p', "m 0,7 l 0,-3 m 0,3.5 a 2.9,3.5,2.9,3.5,180,-180"),
    ('q', "m 5.8,7 l 5.8,-3 m 5.8,3.5 a 2.9,3.5,2.9,3.5,0,360"),
    ('r', "m 0,7 l 0,0 m 0,4.2 a 2.7,4.2,2.7,2.8,180,68"),
    ('s', "a 2.5,5.3,2.2,1.7,38,270 a 2.5,1.8,2.5,1.8,90,-145"),
    ('t', "m 1.6,9.4 l 1.6,1.8 a 3.3,1.8,1.7,1.8,180,285 m 0,6.8 l 3.7,6.8"),
    ('u', "m 0,7 l 0,2.8 a 2.7,2.8,2.7,2.8,180,360 m 5.4,7 l 5.4,0"),
    ('v', "m 0,7 l 2.9,0 l 5.8,7"),
    ('w', "m 0,7 l 2.1,0 l 4.2,6.6 l 6.3,0 l 8.4,7"),
    ('x', "m 0,7 l 5.4,0 m 5.4,7 l 0,0"),
    ('y', "m 0,7 l 2.95,0 m 5.9,7 l 1.7,-3 l 0.5,-3"),
    ('z', "m 0.1,7 l 5,7 l 0,0 l 5.2,0"),
    ('.', "m 0,0.1 l 0,0.2"),
    (',', "m 0.6,0.3 l 0,-1.8"),
    (':', "m 0,0.1 l 0,0.2 m 0,5.6 l 0,5.7"),
    (';', "m 0.6,0.3 l 0,-1.8 m 0.6,5.6 l 0.6,5.7"),
    ('-', "m 0,3.8 l 3.2,3.8"),
    ('−', "m 0,4.6 l 5.4,4.6"),
    ('–', "m 0,3.8 l 5,3.8"),
    ('+', "m 0,4.6 l 6,4.6 m 3,1.6 l 3,7.6"),
    ('=', "m 0,3.2 l 6,3.2 m 0,6 l 6,6"),
    ('/', "m 0,-1.4 l 4,11"),
    ('\\', "m 0,11 l 4,-1.4"),
    ('|', "m 0,-2 l 0,11"),
    ('_', "m 0,-1.6 l 5,-1.6"),
    ('(', "a 4.6,4.4,4.6,6.8,125,235"),
    (')', "a -2.6,4.4,4.6,6.8,55,-55"),
    ('[', "m 2.2,11 l 0,11 l 0,-2.2 l 2.2,-2.2"),
    (']', "m 0,11 l 2.2,11 l 2.2,-2.2 l 0,-2.2"),
    ('{', "m 2.6,11 l 1.2,10.4 l 1.2,5.4 l 0,4.4 l 1.2,3.4 l 1.2,-1.6 l 2.6,-2.2"),
    ('}', "m 0,11 l 1.4,10.4 l 1.4,5.4 l 2.6,4.4 l 1.4,3.4 l 1.4,-1.6 l 0,-2.2"),
    ('<', "m 5.4,8 l 0,4.6 l 5.4,1.2"),
    ('>', "m 0,8 l 5.4,4.6 l 0,1.2"),
    ('!', "m 0,10 l 0,3 m 0,0.1 l 0,0.2"),
    ('?', "a 2.5,7.4,2.5,2.6,165,-45 l 2.5,3 m 2.5,0.1 l 2.5,0.2"),
    ('\'', "m 0,10 l 0,7.4"),
    ('"', "m 0,10 l 0,7.4 m 2,10 l 2,7.4"),
    ('`', "m 0,10.4 l 1.6,8.4"),
    ('^', "m 0,6.4 l 2.4,10 l 4.8,6.4"),
    ('~', "m 0,4 a 1.5,4,1.5,1.2,180,0 a 4.5,4,1.5,1.2,180,360"),
    ('*', "m 2.2,10 l 2.2,5.4 m 0.2,8.9 l 4.2,6.5 m 4.2,8.9 l 0.2,6.5"),
    ('#', "m 2.4,10 l 1,0 m 5.6,10 l 4.2,0 m 0.2,6.8 l 6.6,6.8 m 0,3.2 l 6.4,3.2"),
    ('%', "a 1.9,7.9,1.9,2.1,0,360 m 7.4,10 l 1.6,0 m 9,2.1 a 7.1,2.1,1.9,2.1,0,360"),
    ('&', "m 7.2,0 l 1.6,6.6 a 3.1,7.9,1.9,2.1,218,-40 l 1.2,4.4 a 2.9,2.5,2.9,2.5,140,300 l 7.2,4.6"),
    ('@', "a 4.6,4.2,1.9,2.2,0,360 m 6.5,6.4 l 6.5,3.2 a 8,3.2,1.5,1.2,180,360 l 9.5,4.4 a 4.75,4.2,4.75,5.2,2,300"),
    ('$', "a 3,7.2,2.7,2,35,270 a 3,2.8,2.9,2.4,90,-145 m 3,10.8 l 3,-1"),
    ('°', "a 1.5,8.5,1.5,1.5,0,360"),
    ('²', "a 1.6,8.8,1.5,1.4,160,-35 l 0.1,5.4 l 3.2,5.4"),
    ('³', "a 1.5,9.1,1.3,1.1,150,-90 a 1.5,6.8,1.6,1.2,90,-150"),
    ('¹', "m 0.3,9.1 l 1.6,10.2 l 1.6,5.4"),
    ('⁻', "m 0,7.6 l 2.6,7.6"),
    ('µ', "m 0,7 l 0,-3 m 0,2.8 a 2.7,2.8,2.7,2.8,180,360 m 5.4,7 l 5.4,0"),
    ('·', "m 0,4.3 l 0,4.4"),
    ('×', "m 0,1.9 l 5.4,7.3 m 5.4,1.9 l 0,7.3"),
    ('±', "m 0,5.6 l 5.6,5.6 m 2.8,2.8 l 2.8,8.4 m 0,0.4 l 5.6,0.4"),
    ('σ', "m 3,7 a 3,3.5,3,3.5,90,450 l 6.2,7"),
    ('…', "m 0,0.1 l 0,0.2 m 2.8,0.1 l 2.8,0.2 m 5.6,0.1 l 5.6,0.2"),
];

/// What stands for a character that the font does not have.
const UNKNOWN: &str = "m 0,0 l 0,10 l 5,10 l 5,0 l 0,0";

/// A line of points.
pub(crate) type Stroke = Vec<(f64, f64)>;

/// The strokes of a line of text, from 0 to the right, and its width.
pub(crate) fn strokes(text: &str) -> (Vec<Stroke>, f64) {
    let mut all = Vec::new();
    let mut right = 0.0;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            right += SPACE;
            continue;
        }
        // Micro has two code points.
        let c = if c == 'μ' { 'µ' } else { plain(c) };
        let glyph = GLYPHS.iter().find(|(known, _)| *known == c).map_or(UNKNOWN, |(_, glyph)| glyph);
        let (strokes, width) = glyph_strokes(glyph);
        let width = if c.is_ascii_digit() { DIGIT } else { width };
        all.extend(
            strokes
                .into_iter()
                .map(|stroke| stroke.into_iter().map(|(x, y)| (x + right, y)).collect::<Stroke>()),
        );
        right += width + GAP;
    }
    (all, (right - if right > 0.0 { GAP } else { 0.0 }).max(0.0))
}

/// Latin letters without their accents.
fn plain(c: char) -> char {
    const ACCENTED: &str = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöøùúûüýÿ";
    const PLAIN: &str = "AAAAAACEEEEIIIINOOOOOOUUUUYaaaaaaceeeeiiiinoooooouuuuyy";
    ACCENTED.chars().zip(PLAIN.chars()).find(|(accented, _)| *accented == c).map_or(c, |(_, plain)| plain)
}

/// The strokes of a glyph and its width.
fn glyph_strokes(glyph: &str) -> (Vec<Stroke>, f64) {
    let mut strokes: Vec<Stroke> = Vec::new();
    let mut words = glyph.split(' ');
    while let (Some(verb), Some(numbers)) = (words.next(), words.next()) {
        let numbers: Vec<f64> = numbers.split(',').filter_map(|n| n.parse().ok()).collect();
        match (verb, numbers.as_slice()) {
            ("m", &[x, y]) => strokes.push(vec![(x, y)]),
            ("l", &[x, y]) => draw(&mut strokes, (x, y)),
            ("a", &[cx, cy, rx, ry, from, to]) => {
                let steps = ((to - from).abs() / STEP).ceil().max(1.0);
                for step in 0..=steps as u32 {
                    let angle = (from + (to - from) * f64::from(step) / steps).to_radians();
                    draw(&mut strokes, (cx + rx * angle.cos(), cy + ry * angle.sin()));
                }
            }
            _ => {}
        }
    }
    let width = strokes.iter().flatten().map(|(x, _)| *x).fold(0.0, f64::max);
    (strokes, width)
}

fn draw(strokes: &mut Vec<Stroke>, to: (f64, f64)) {
    match strokes.last_mut() {
        Some(stroke) => stroke.push(to),
        None => strokes.push(vec![to]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_ascii_has_a_glyph_within_its_line() {
        for c in ('!'..='~').chain("°²³¹⁻µ·×±−–σ…".chars()) {
            let found: Vec<_> = GLYPHS.iter().filter(|(known, _)| *known == c).collect();
            assert_eq!(found.len(), 1, "{c}");
            let (strokes, width) = glyph_strokes(found[0].1);
            assert!(!strokes.is_empty() && width < 11.0, "{c}");
            for (x, y) in strokes.iter().flatten() {
                assert!((-0.3..11.0).contains(x) && (-3.3..11.5).contains(y), "{c}: {x} {y}");
            }
            let words: Vec<&str> = found[0].1.split(' ').collect();
            for pair in words.chunks(2) {
                let numbers: Vec<f64> = pair[1].split(',').map(|n| n.parse().unwrap()).collect();
                assert_eq!(numbers.len(), if pair[0] == "a" { 6 } else { 2 }, "{c}");
            }
        }
    }

    #[test]
    fn widths_add_up() {
        assert_eq!(strokes("").1, 0.0);
        assert_eq!(strokes("11").1, strokes("88").1);
        assert!(strokes("WW").1 > strokes("il").1);
        assert_eq!(strokes("\u{4e2d}").1, 5.0);
        assert_eq!(strokes("Höhe").1, strokes("Hohe").1);
    }
}
