//! FLOOR 0: grammars of programming languages, and trees of texts, made in bounded time. What the nodes of a tree mean
//! is up to its readers: facts for rules, colours for the desk.

mod known;
mod parse;
mod scanners;

use tree_sitter::Language;

pub use known::tree_of;
pub use parse::{parse, parse_again};
use scanners::{fits_any, fits_python, fits_ruby};

/// The grammar of a language.
pub struct Grammar {
    /// File extensions, without the dot.
    pub extensions: &'static [&'static str],
    language: fn() -> Language,
    /// Whether a text is safe for the scanner of the grammar.
    fits_scanner: fn(&str) -> bool,
}

impl Grammar {
    pub const ALL: [&'static Grammar; 14] =
        [&BASH, &C, &CPP, &CSHARP, &GO, &JAVA, &JAVASCRIPT, &KOTLIN, &PHP, &PYTHON, &RUBY, &RUST, &TSX, &TYPESCRIPT];

    const fn new(extensions: &'static [&'static str], language: fn() -> Language) -> Grammar {
        Grammar { extensions, language, fits_scanner: fits_any }
    }

    const fn if_it_fits(self, fits_scanner: fn(&str) -> bool) -> Grammar {
        Grammar { fits_scanner, ..self }
    }

    /// Of a file, by its name.
    pub fn of_path(path: &str) -> Option<&'static Grammar> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name {
            "Rakefile" | "Gemfile" | "Vagrantfile" | "Fastfile" | "Podfile" => Some(&RUBY),
            _ => {
                let extension = name.rsplit_once('.')?.1.to_ascii_lowercase();
                Grammar::ALL.iter().find(|grammar| grammar.extensions.contains(&&*extension)).copied()
            }
        }
    }

    /// Its number among [`Grammar::ALL`].
    pub fn number(&'static self) -> usize {
        Grammar::ALL.iter().position(|grammar| std::ptr::eq(*grammar, self)).expect("every grammar is in the table")
    }

    pub fn language(&self) -> Language {
        (self.language)()
    }
}

pub static BASH: Grammar =
    Grammar::new(&["sh", "bash", "zsh", "ksh", "bats", "ebuild"], || tree_sitter_bash::LANGUAGE.into());
pub static C: Grammar = Grammar::new(&["c", "h"], || tree_sitter_c::LANGUAGE.into());
pub static CPP: Grammar =
    Grammar::new(&["cc", "cpp", "cxx", "hh", "hpp", "hxx", "ipp", "cu"], || tree_sitter_cpp::LANGUAGE.into());
pub static CSHARP: Grammar = Grammar::new(&["cs"], || tree_sitter_c_sharp::LANGUAGE.into());
pub static GO: Grammar = Grammar::new(&["go"], || tree_sitter_go::LANGUAGE.into());
pub static JAVA: Grammar = Grammar::new(&["java"], || tree_sitter_java::LANGUAGE.into());
pub static JAVASCRIPT: Grammar = Grammar::new(&["js", "jsx", "mjs", "cjs"], || tree_sitter_javascript::LANGUAGE.into());
pub static KOTLIN: Grammar = Grammar::new(&["kt", "kts"], || tree_sitter_kotlin_ng::LANGUAGE.into());
pub static PHP: Grammar = Grammar::new(&["php", "phtml", "php5", "inc"], || tree_sitter_php::LANGUAGE_PHP.into());
pub static PYTHON: Grammar =
    Grammar::new(&["py", "pyi", "pyw"], || tree_sitter_python::LANGUAGE.into()).if_it_fits(fits_python);
pub static RUBY: Grammar =
    Grammar::new(&["rb", "rake", "gemspec", "ru"], || tree_sitter_ruby::LANGUAGE.into()).if_it_fits(fits_ruby);
pub static RUST: Grammar = Grammar::new(&["rs"], || tree_sitter_rust::LANGUAGE.into());
pub static TSX: Grammar = Grammar::new(&["tsx"], || tree_sitter_typescript::LANGUAGE_TSX.into());
pub static TYPESCRIPT: Grammar =
    Grammar::new(&["ts", "mts", "cts"], || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into());
