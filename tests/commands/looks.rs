//! `undersign keys` and `undersign theme`, with files of the user.

use crate::run;
use crate::support::Fixture;

fn configure(f: &Fixture, name: &str, text: &str) {
    let path = f.dir.path().join("config/undersign").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn keys_prints_what_holds_and_its_file_means_the_same() {
    let f = Fixture::new();
    assert!(run(&f, &["keys"]).out.contains("], alt-j"));
    configure(&f, "keymap.toml", "preset = \"gerrit\"\n[review]\nfiles = [\"f2\"]\n");
    let table = run(&f, &["keys"]);
    let has = |stroke: &str, name: &str| {
        table.out.lines().any(|line| line.split_whitespace().take(2).collect::<Vec<_>>() == [stroke, name])
    };
    assert!(table.code == 0 && has("n", "next-hunk") && has("f2", "files"), "{}", table.out);
    configure(&f, "keymap.toml", &run(&f, &["keys", "--toml"]).out);
    assert_eq!(run(&f, &["keys"]).out, table.out);
    assert!(run(&f, &["keys", "--preset", "default"]).out.contains("], alt-j"));
    configure(&f, "keymap.toml", "[review]\napprove = [\"A\"]\n");
    let refused = run(&f, &["keys"]);
    assert!(refused.code == 70 && refused.err.contains("line 2: unknown key `approve`"), "{}", refused.err);
}

#[test]
fn theme_prints_names_and_in_colour_samples() {
    let f = Fixture::new();
    configure(&f, "themes/night.toml", "name = \"night\"\ninherits = \"dark\"\n[ui]\ntext = { fg = \"#010203\" }\n");
    let names = run(&f, &["theme"]);
    assert_eq!(names.out, "dark\nlight\nhigh-contrast\ncolour-blind\nmono\nnight\n");
    assert!(names.err.contains("In use: ") && names.err.contains("config/undersign/themes"), "{}", names.err);
    let sample = run(&f, &["theme", "light", "--color", "always"]);
    assert!(sample.out.contains('\u{1b}') && sample.out.contains("money.rounding"), "{}", sample.out);
    let none = run(&f, &["theme", "nope"]);
    assert!(none.code == 70 && none.err.contains("no theme `nope`"), "{}", none.err);
}
