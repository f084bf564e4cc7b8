use super::depth::{contrast, linear};
use super::*;

const COLOURED: [&str; 4] = ["dark", "light", "high-contrast", "colour-blind"];
const LINES: [Role; 5] = [Role::Added, Role::Removed, Role::AddedWord, Role::RemovedWord, Role::Match];

#[test]
fn every_shipped_theme_is_whole_and_a_wrong_one_is_refused_with_its_lines() {
    for (name, source) in SHIPPED {
        assert_eq!(Theme::parse(name, source).unwrap().name, *name);
    }
    let refused = Theme::parse("t", "name = \"t\"\ninherits = \"dark\"\n[ui]\ntext = { fg = \"nope\" }\nbogus = {}\n")
        .unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("line 4") && text.contains("line 5"), "{text}");
}

fn ground(theme: &Theme, role: Role) -> Color {
    theme.style(role).bg.or(theme.style(Role::Ground).bg).unwrap()
}

/// Every text has the required contrast (WCAG 2) on each of its backgrounds. Rules and whitespace marks are not text;
/// line numbers may have less contrast, since they are not read continuously.
fn check(theme: &Theme, text: f64, number: f64) {
    let screen = [Role::Ground, Role::Selected];
    let everywhere = [&screen[..], &LINES].concat();
    for role in Role::ALL.iter().copied() {
        let (grounds, wanted) = match role {
            Role::Ground | Role::Selected | Role::Match => continue,
            Role::Border => (&screen[..1], 1.4),
            Role::Number => (&screen[..], number),
            Role::Whitespace => (&everywhere[..], 2.0),
            Role::Text | Role::Finding => (&everywhere[..], text),
            _ if role.path().0 == "syntax" => (&everywhere[..], text),
            _ if theme.style(role).bg.is_some() => (&[role][..], text),
            _ => (&screen[..], text),
        };
        for on in grounds {
            let Some(fg) = theme.style(role).fg else { continue };
            let ratio = contrast(fg, ground(theme, *on));
            assert!(ratio >= wanted, "{}: {role:?} on {on:?} has {ratio:.2}, not {wanted}", theme.name);
        }
    }
}

#[test]
fn text_can_be_read_on_every_ground_that_it_stands_on() {
    for name in COLOURED {
        let theme = Theme::shipped(name).unwrap();
        assert!(Role::ALL.iter().all(|role| theme.style(*role) != Style::default()), "{name}");
        let (text, number) = if name == "high-contrast" { (7.0, 7.0) } else { (4.5, 3.0) };
        check(&theme, text, number);
    }
}

#[test]
fn in_256_colours_text_can_be_read_and_added_removed_and_words_are_apart() {
    for name in COLOURED {
        let theme = Theme::shipped(name).unwrap().with_depth(Depth::Indexed);
        check(&theme, 3.5, 2.8);
        let looks = |role: Role| (ground(&theme, role), theme.style(role).add_modifier);
        let all =
            [Role::Ground, Role::Selected, Role::Added, Role::Removed, Role::AddedWord, Role::RemovedWord, Role::Match];
        for (at, one) in all.iter().enumerate() {
            assert!(
                all[at + 1..].iter().all(|other| looks(*one) != looks(*other)),
                "{name}: {one:?} looks like another"
            );
        }
        assert_ne!(ground(&theme, Role::Added), ground(&theme, Role::Removed));
    }
}

#[test]
fn in_16_colours_text_can_be_read_and_added_removed_and_words_are_apart() {
    for name in COLOURED {
        let theme = Theme::shipped(name).unwrap().with_depth(Depth::Ansi);
        for role in Role::ALL.iter().copied() {
            let style = theme.style(role);
            for colour in [style.fg, style.bg].into_iter().flatten() {
                assert!(matches!(colour, Color::Indexed(0..16)), "{name}: {role:?}");
            }
            assert!(!style.add_modifier.intersects(Modifier::ITALIC | Modifier::UNDERLINED), "{name}: {role:?}");
            let may_have_ground = matches!(role, Role::Ground | Role::Selected);
            assert!(style.bg.is_none() || may_have_ground, "{name}: {role:?}");
            if let Some(fg) = style.fg.filter(|_| !may_have_ground && role != Role::Border) {
                let (on_ground, on_selected) =
                    (contrast(fg, ground(&theme, Role::Ground)), contrast(fg, ground(&theme, Role::Selected)));
                assert!(on_ground >= 3.0 && on_selected >= 2.8, "{name}: {role:?} {on_ground:.2} {on_selected:.2}");
            }
        }
        let looks = |role: Role| (theme.style(role).fg, theme.style(role).add_modifier);
        let all = [Role::Context, Role::Added, Role::Removed, Role::AddedWord, Role::RemovedWord];
        for (at, one) in all.iter().enumerate() {
            assert!(
                all[at + 1..].iter().all(|other| looks(*one) != looks(*other)),
                "{name}: {one:?} looks like another"
            );
        }
    }
    let mono = Theme::shipped("mono").unwrap();
    assert_eq!(mono.clone().with_depth(Depth::Ansi), mono);
}

#[test]
fn the_background_of_the_terminal_can_be_kept() {
    let theme = Theme::shipped("dark").unwrap().with_depth(Depth::Ansi).with_terminal_background();
    assert_eq!(theme.style(Role::Ground).bg, None);
    assert_eq!(theme.style(Role::Text).fg, Some(Color::Indexed(15)));
}

/// Linear light → what people with protanopia or deuteranopia see. G. M. Machado, M. M. Oliveira, L. A. F. Fernandes: A
/// Physiologically-based Model for Simulation of Color Vision Deficiency, IEEE TVCG 15(6), 2009; severity 1.0.
const PROTANOPIA: [[f64; 3]; 3] =
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];
const DEUTERANOPIA: [[f64; 3]; 3] =
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];

fn seen(colour: Color, by: [[f64; 3]; 3]) -> [f64; 3] {
    let light = linear(colour).unwrap();
    by.map(|row| row.iter().zip(light).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0))
}

/// Distance in CIELAB (D65, 1976): about 2 is just visible side by side.
fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (lab(a), lab(b));
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn lab([r, g, b]: [f64; 3]) -> [f64; 3] {
    let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
    let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    [116.0 * f(y) - 16.0, 500.0 * (f(x) - f(y)), 200.0 * (f(y) - f(z))]
}

#[test]
fn the_theme_for_the_colour_blind_keeps_added_and_removed_apart_for_them() {
    for depth in [Depth::True, Depth::Indexed] {
        let theme = Theme::shipped("colour-blind").unwrap().with_depth(depth);
        let fg = |role: Role| theme.style(role).fg.unwrap();
        let pairs = [
            (ground(&theme, Role::Added), ground(&theme, Role::Removed), 20.0),
            (ground(&theme, Role::AddedWord), ground(&theme, Role::RemovedWord), 20.0),
            (ground(&theme, Role::Added), ground(&theme, Role::Selected), 10.0),
            (ground(&theme, Role::Removed), ground(&theme, Role::Selected), 10.0),
            (fg(Role::Ok), fg(Role::Error), 40.0),
            (fg(Role::Ok), fg(Role::Warning), 40.0),
            (fg(Role::Critical), fg(Role::Low), 40.0),
            (fg(Role::Critical), fg(Role::High), 15.0),
        ];
        for by in [PROTANOPIA, DEUTERANOPIA] {
            for (one, other, wanted) in pairs {
                let distance = apart(seen(one, by), seen(other, by));
                assert!(distance >= wanted, "{depth:?}: {one:?} and {other:?} are {distance:.1} apart, not {wanted}");
            }
        }
    }
    // The measure works: green and red of the dark theme are hard to distinguish with these deficiencies.
    let dark = Theme::shipped("dark").unwrap();
    let (added, removed) = (ground(&dark, Role::Added), ground(&dark, Role::Removed));
    assert!(apart(seen(added, DEUTERANOPIA), seen(removed, DEUTERANOPIA)) < 12.0);
}
