//! Themes on terminals with fewer colours. Text must remain legible, and added lines, removed lines and changed words
//! must remain distinguishable. If no colour is left for that, bold, underline or reverse video are used.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

use super::Role;

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 24 bits.
    True,
    /// The 256 colours of xterm.
    Indexed,
    /// The 16 colours of ANSI, whose shades differ between terminals.
    Ansi,
}

type Styles = BTreeMap<Role, Style>;

/// The least contrast of code with 256 colours; with true colours it is 4.5.
const READABLE: f64 = 3.5;

pub(super) fn reduce(styles: &mut Styles, depth: Depth) {
    match depth {
        Depth::True => {}
        Depth::Indexed => to_indexed(styles),
        Depth::Ansi => to_ansi(styles),
    }
}

fn to_indexed(styles: &mut Styles) {
    const GROUNDS: [Role; 5] = [Role::Added, Role::Removed, Role::AddedWord, Role::RemovedWord, Role::Match];
    let own = GROUNDS.map(|role| (role, styles.get(&role).and_then(|style| style.bg)));
    for style in styles.values_mut() {
        style.fg = style.fg.map(|colour| nearest(colour, |_| true).unwrap_or(colour));
        style.bg = style.bg.map(|colour| nearest(colour, |_| true).unwrap_or(colour));
    }
    let texts = texts(styles);
    let readable = |ground: Color| texts.iter().all(|text| contrast(*text, ground) >= READABLE);
    for (role, own) in own {
        let Some(own) = own else { continue };
        // Dark green and dark red are both nearest to the same grey: hue takes precedence over distance.
        let fits = |colour: Color| readable(colour) && (role == Role::Match || same_hue(own, colour));
        let line = line_of(role).and_then(|line| styles.get(&line)?.bg);
        let found = nearest(own, |colour| fits(colour) && Some(colour) != line);
        let Some(style) = styles.get_mut(&role) else { continue };
        style.bg = found.or(line).or(style.bg);
    }
    mark_words(styles);
}

/// The line that contains changed words.
fn line_of(word: Role) -> Option<Role> {
    match word {
        Role::AddedWord => Some(Role::Added),
        Role::RemovedWord => Some(Role::Removed),
        _ => None,
    }
}

/// If the words of one side have no distinct background, those of both sides are marked the same way.
fn mark_words(styles: &mut Styles) {
    let ground = |styles: &Styles, role: Role| styles.get(&role).and_then(|style| style.bg);
    let pairs = [(Role::AddedWord, Role::Added), (Role::RemovedWord, Role::Removed)];
    let alike =
        |&(word, line): &(Role, Role)| ground(styles, word).is_some() && ground(styles, word) == ground(styles, line);
    if !pairs.iter().any(alike) {
        return;
    }
    for (word, line) in pairs {
        let bg = ground(styles, line);
        if let Some(style) = styles.get_mut(&word) {
            *style = Style { bg, ..style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) };
        }
    }
}

/// The colours of code.
fn texts(styles: &Styles) -> Vec<Color> {
    let is_code = |role: &Role| role.path().0 == "syntax" || *role == Role::Text;
    styles.iter().filter(|(role, _)| is_code(role)).filter_map(|(_, style)| style.fg).collect()
}

/// The nearest of the 6×6×6 cube and the grey ramp of xterm that fits.
fn nearest(colour: Color, fits: impl Fn(Color) -> bool) -> Option<Color> {
    let own = rgb(colour)?;
    let distance = |index: u8| {
        let other = rgb(Color::Indexed(index)).unwrap_or_default();
        own.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum::<u32>()
    };
    (16..=255).filter(|&index| fits(Color::Indexed(index))).min_by_key(|&index| distance(index)).map(Color::Indexed)
}

fn same_hue(a: Color, b: Color) -> bool {
    let (Some(a), Some(b)) = (hue(a), hue(b)) else { return false };
    let apart = (a - b).abs();
    apart.min(360.0 - apart) <= 40.0
}

/// Code is not coloured, and lines and words have no background: lines are distinguished by the colour of their text,
/// words by reverse video. Italics and underlines are removed, since the Linux console shows them as colours.
fn to_ansi(styles: &mut Styles) {
    let bright = |role: Role, ground: bool| {
        let style = styles.get(&role)?;
        luminance(if ground { style.bg? } else { style.fg? }).map(|own| own > 0.2)
    };
    // A theme without colours has nothing to map.
    let Some(dark) = bright(Role::Ground, true).map(|light| !light).or(bright(Role::Text, false)) else { return };
    let scheme = Scheme { dark };
    for (role, style) in styles.iter_mut() {
        *style = scheme.style(*role, *style);
    }
}

struct Scheme {
    dark: bool,
}

impl Scheme {
    fn ground(&self) -> Color {
        Color::Indexed(if self.dark { 0 } else { 15 })
    }

    fn text(&self) -> Color {
        Color::Indexed(if self.dark { 15 } else { 0 })
    }

    fn style(&self, role: Role, style: Style) -> Style {
        let plain = Style { fg: style.fg.map(|fg| self.ink(fg)), bg: None, ..style }
            .remove_modifier(Modifier::ITALIC | Modifier::UNDERLINED);
        let plain = Style { sub_modifier: Modifier::empty(), ..plain };
        match role {
            Role::Ground => Style { bg: style.bg.map(|_| self.ground()), fg: Some(self.text()), ..plain },
            // Reverse video for the whole text: on none of the sixteen backgrounds are all text colours legible.
            Role::Selected => Style { fg: Some(self.text()), bg: style.bg.map(|_| self.ground()), ..plain }
                .add_modifier(Modifier::REVERSED),
            Role::Border => Style { fg: style.fg.map(|_| Color::Indexed(if self.dark { 8 } else { 7 })), ..plain },
            Role::Added | Role::Removed => Style { fg: self.line(style).or(plain.fg), ..plain },
            Role::AddedWord | Role::RemovedWord => {
                Style { fg: self.line(style).or(plain.fg), ..plain.add_modifier(Modifier::REVERSED) }
            }
            Role::Match => plain.add_modifier(Modifier::REVERSED),
            _ if role.path().0 == "syntax" => Style { fg: None, ..plain },
            // A mark with its own background.
            _ => match style.bg {
                Some(bg) => Style { fg: Some(self.ink(bg)), ..plain.add_modifier(Modifier::REVERSED) },
                None => plain,
            },
        }
    }

    /// The colour of a line's text, from its ground.
    fn line(&self, style: Style) -> Option<Color> {
        hue(style.bg?).map(|hue| self.coloured(hue))
    }

    fn ink(&self, colour: Color) -> Color {
        let chroma = rgb(colour).map_or(0, |[r, g, b]| r.max(g).max(b) - r.min(g).min(b));
        match hue(colour).filter(|_| chroma >= 32) {
            Some(hue) => self.coloured(hue),
            None => self.grey(luminance(colour).unwrap_or(0.0)),
        }
    }

    fn grey(&self, luminance: f64) -> Color {
        match self.dark {
            // Not 8: some colour schemes make it as dark as their background.
            true => Color::Indexed(if luminance > 0.6 { 15 } else { 7 }),
            false => Color::Indexed(if luminance < 0.05 { 0 } else { 8 }),
        }
    }

    /// The first of a hue's colours that is legible on the background; otherwise the text colour.
    fn coloured(&self, hue: f64) -> Color {
        let (on_dark, on_light): (&[u8], &[u8]) = match hue as u16 {
            15..36 => (&[3, 11], &[1]),
            36..75 => (&[11, 3], &[5]),
            75..160 => (&[10, 2], &[2]),
            160..200 => (&[14, 6], &[6, 4]),
            200..255 => (&[12, 14, 6], &[4]),
            255..330 => (&[13], &[5]),
            _ => (&[9], &[1]),
        };
        let fits = |&colour: &Color| contrast(colour, self.ground()) >= 3.0;
        let candidates = if self.dark { on_dark } else { on_light };
        candidates.iter().map(|&index| Color::Indexed(index)).find(fits).unwrap_or(self.text())
    }
}

/// The hue in degrees; none of greys.
fn hue(colour: Color) -> Option<f64> {
    let [r, g, b] = rgb(colour)?.map(f64::from);
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = max - min;
    if chroma < 6.0 {
        return None;
    }
    let sixth = if max == r {
        (g - b) / chroma
    } else if max == g {
        (b - r) / chroma + 2.0
    } else {
        (r - g) / chroma + 4.0
    };
    Some((sixth * 60.0).rem_euclid(360.0))
}

/// Red, green, blue. The first 16 are those of VGA, which the Linux console shows: the hardest to read.
fn rgb(colour: Color) -> Option<[u8; 3]> {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |index: u8| LEVELS[usize::from(index % 6)];
    match colour {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(3) => Some([170, 85, 0]),
        Color::Indexed(index @ 0..16) => {
            let base = if index < 8 { 0 } else { 85 };
            Some([0, 1, 2].map(|bit| base + 170 * (index >> bit & 1)))
        }
        Color::Indexed(index @ 16..232) => {
            let index = index - 16;
            Some([level(index / 36), level(index / 6), level(index)])
        }
        Color::Indexed(index) => Some([8 + 10 * (index - 232); 3]),
        _ => None,
    }
}

/// Contrast by WCAG 2, from 1 to 21.
pub(super) fn contrast(a: Color, b: Color) -> f64 {
    let (a, b) = (luminance(a).unwrap_or(0.0), luminance(b).unwrap_or(0.0));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(colour: Color) -> Option<f64> {
    let [r, g, b] = linear(colour)?;
    Some(0.2126 * r + 0.7152 * g + 0.0722 * b)
}

/// Linear light, each from 0 to 1.
pub(super) fn linear(colour: Color) -> Option<[f64; 3]> {
    let part = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    Some(rgb(colour)?.map(part))
}
