//! Everything a person can ask for: one list, from which keymap, help, footer and the manual's table come.

/// Where strokes are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    Everywhere,
    Queue,
    Review,
}

impl Context {
    pub const ALL: [Context; 3] = [Context::Everywhere, Context::Queue, Context::Review];

    pub fn name(self) -> &'static str {
        match self {
            Context::Everywhere => "everywhere",
            Context::Queue => "queue",
            Context::Review => "review",
        }
    }
}

macro_rules! actions {
    ($($context:ident $action:ident $name:literal $sentence:literal;)*) => {
        /// What a person asked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($action,)* }

        impl Action {
            pub const ALL: &[Action] = &[$(Action::$action,)*];

            /// The name in `keymap.toml`.
            pub fn name(self) -> &'static str {
                match self { $(Action::$action => $name,)* }
            }

            /// What it does, for help and manual.
            pub fn sentence(self) -> &'static str {
                match self { $(Action::$action => $sentence,)* }
            }

            pub fn context(self) -> Context {
                match self { $(Action::$action => Context::$context,)* }
            }
        }
    };
}

actions! {
    Everywhere Down "down" "next row";
    Everywhere Up "up" "row before";
    Everywhere HalfDown "half-down" "half a page down";
    Everywhere HalfUp "half-up" "half a page up";
    Everywhere PageDown "page-down" "a page down";
    Everywhere PageUp "page-up" "a page up";
    Everywhere Top "top" "to the start";
    Everywhere Bottom "bottom" "to the end";
    Everywhere Help "help" "this help";
    Everywhere Back "back" "back, and out of the queue: quit";
    Everywhere Redraw "redraw" "draw the screen anew";
    Queue Open "open" "open the change";
    Queue Filter "filter" "filter: words that must occur in title, repository, branch, agent or need";
    Queue Sort "sort" "sort by risk, age or size";
    Queue Preview "preview" "show or hide the preview";
    Queue Why "why" "why this tier, in full";
    Queue Sync "sync" "send signed decisions to the remotes, and fetch those of others";
    Queue Refresh "refresh" "read all repositories again";
    Review NextHunk "next-hunk" "next hunk";
    Review PreviousHunk "previous-hunk" "hunk before";
    Review NextFile "next-file" "next file";
    Review PreviousFile "previous-file" "file before";
    Review NextFinding "next-finding" "next finding or omission";
    Review PreviousFinding "previous-finding" "finding or omission before";
    Review NextUnseen "next-unseen" "next hunk that is not marked as seen";
    Review Advance "advance" "mark what was wholly shown as seen, and page on";
    Review SeenFile "seen-file" "mark or unmark the file as seen";
    Review SeenHunk "seen-hunk" "mark or unmark the hunk as seen";
    Review Answer "answer" "answer the finding, or acknowledge the omission";
    Review Note "note" "write a note on the line";
    Review Search "search" "search in the diff";
    Review SearchNext "search-next" "next match";
    Review SearchPrevious "search-previous" "match before";
    Review Files "files" "show or hide the file list";
    Review Sign "sign" "open the sign sheet; it never signs by itself";
}
