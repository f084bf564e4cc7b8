//! All actions of a person: the one list behind keymap, help, footer and the manual's table.

/// Where strokes are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    Everywhere,
    Queue,
    Review,
    /// A pending command is open. It uses some of the reader's actions, and has none itself.
    Command,
}

impl Context {
    /// The contexts with their own actions.
    pub const ALL: [Context; 3] = [Context::Everywhere, Context::Queue, Context::Review];

    pub fn name(self) -> &'static str {
        match self {
            Context::Everywhere => "everywhere",
            Context::Queue => "queue",
            Context::Review => "review",
            Context::Command => "command",
        }
    }
}

/// What actions have in common, for help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Read,
    Answer,
    Look,
    Decide,
    Queue,
    Everywhere,
}

impl Group {
    pub const ALL: [Group; 6] =
        [Group::Queue, Group::Read, Group::Answer, Group::Decide, Group::Look, Group::Everywhere];

    pub fn name(self) -> &'static str {
        match self {
            Group::Read => "Read",
            Group::Answer => "Answer and note",
            Group::Look => "Look",
            Group::Decide => "Decide",
            Group::Queue => "The queue",
            Group::Everywhere => "Everywhere",
        }
    }
}

macro_rules! actions {
    ($($context:ident $action:ident $name:literal $sentence:literal;)*) => {
        /// Something that a person asks the program to do.
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
    Everywhere Up "up" "previous row";
    Everywhere HalfDown "half-down" "half a page down";
    Everywhere HalfUp "half-up" "half a page up";
    Everywhere PageDown "page-down" "a page down";
    Everywhere PageUp "page-up" "a page up";
    Everywhere Top "top" "to the start; with a number: to that line of the file";
    Everywhere Bottom "bottom" "to the end";
    Everywhere Palette "palette" "type part of a command's name";
    Everywhere Help "help" "this help";
    Everywhere Back "back" "back, and out of the queue: quit";
    Everywhere Redraw "redraw" "redraw the screen";
    Everywhere Suspend "suspend" "leave for the shell; `fg` returns";
    Everywhere Lock "lock" "forget the remembered passphrase";
    Queue Open "open" "open the change";
    Queue Filter "filter" "filter: words that must occur in title, repository, branch, agent or need";
    Queue NextAgain "next-again" "next change that moved since you looked or decided";
    Queue Sort "sort" "sort by risk, by what is due, by age or size";
    Queue Preview "preview" "the preview at the right, below, or off";
    Queue Why "why" "why this tier, in full";
    Queue Claim "claim" "claim the change for a day, or give it back: others see it after a sync";
    Queue History "history" "what was decided: by whom, having seen what, and whether it landed";
    Queue Sync "sync" "send signed decisions to the remotes, and fetch those of others";
    Queue Refresh "refresh" "read all repositories again, and fetch from their remotes";
    Review NextHunk "next-hunk" "next hunk";
    Review PreviousHunk "previous-hunk" "previous hunk";
    Review NextFile "next-file" "next file";
    Review PreviousFile "previous-file" "previous file";
    Review NextFinding "next-finding" "next finding or omission";
    Review PreviousFinding "previous-finding" "previous finding or omission";
    Review NextUnseen "next-unseen" "next hunk that is not marked as seen";
    Review Advance "advance" "mark what was wholly shown as seen, and page on";
    Review SeenFile "seen-file" "mark or unmark the file as seen";
    Review SeenHunk "seen-hunk" "mark or unmark the hunk as seen";
    Review Alike "alike" "the hunks that make the same edit as this one: list them, or mark them all";
    Review Answer "answer" "answer the finding or the colleague, or acknowledge the omission";
    Review AnswerAlike "answer-alike" "answer all findings of this rule, or omissions of this kind";
    Review Note "note" "write a note on the line, or on the lines selected";
    Review FileNote "note-file" "write a note on the file";
    Review PathNote "note-path" "write a note on any file of the tree, changed or not";
    Review ChangeNote "note-change" "write a note on the whole change";
    Review Select "select" "begin or end a selection of lines";
    Review Items "items" "list what is left: hunks, findings, omissions; and notes";
    Review FindFile "find-file" "find a file: type part of its path";
    Review Search "search" "search in what changed, over all files";
    Review SearchNext "search-next" "next match";
    Review SearchPrevious "search-previous" "previous match";
    Review JumpBack "jump-back" "back to where you came from";
    Review Bookmark "bookmark" "mark this row to come back to, or unmark it";
    Review NextBookmark "next-bookmark" "next marked row";
    Review Centre "centre" "centre the row";
    Review Unfold "unfold" "open what this row leaves out: lines, a folded file";
    Review MoreContext "more-context" "more context around the hunk";
    Review LessContext "less-context" "less context";
    Review WholeFile "whole-file" "all lines of the file, or only what changed";
    Review Layout "layout" "switch between automatic, unified and side by side";
    Review Wrap "wrap" "wrap long lines, or let them run on";
    Review Left "left" "scroll to the left, where lines run on";
    Review Right "right" "scroll to the right, where lines run on";
    Review Blanks "blanks" "show whitespace";
    Review Attribution "attribution" "who is said to have written each line";
    Review Intent "intent" "what the change says of itself: messages, evidence";
    Review Blind "blind" "hide the findings until a first pass is done";
    Review Again "again" "what changed since you looked, since you decided, or all of it";
    Review Reread "reread" "read the change again, if its branch or target moved meanwhile";
    Review RangeDiff "range-diff" "compare the commits with those of the previous revision";
    Review NextCommit "next-commit" "next commit of the series; what is signed is the total";
    Review PreviousCommit "previous-commit" "previous commit";
    Review Files "files" "show or hide the file list";
    Review Edit "edit" "open a read-only copy of the file in your editor";
    Review Copy "copy" "copy path and line";
    Review CopyHunk "copy-hunk" "copy the hunk with its findings and notes, as Markdown";
    Review Sign "sign" "open the sign sheet; it never signs by itself";
}

impl Action {
    /// Whether it has a meaning on a screen.
    pub fn is_in(self, context: Context) -> bool {
        const OF_COMMANDS: [Action; 11] = [
            Action::NextHunk,
            Action::PreviousHunk,
            Action::NextFile,
            Action::PreviousFile,
            Action::NextFinding,
            Action::PreviousFinding,
            Action::NextUnseen,
            Action::Advance,
            Action::Answer,
            Action::Copy,
            Action::Sign,
        ];
        let own = self.context();
        own == Context::Everywhere || own == context || (context == Context::Command && OF_COMMANDS.contains(&self))
    }

    pub fn group(self) -> Group {
        match (self.context(), self) {
            (Context::Everywhere, _) => Group::Everywhere,
            (Context::Queue, _) => Group::Queue,
            (_, Action::Sign | Action::Intent | Action::Again | Action::Reread) => Group::Decide,
            (
                _,
                Action::Answer
                | Action::AnswerAlike
                | Action::NextFinding
                | Action::PreviousFinding
                | Action::Note
                | Action::FileNote
                | Action::PathNote
                | Action::ChangeNote
                | Action::Select
                | Action::Items
                | Action::Blind,
            ) => Group::Answer,
            (
                _,
                Action::Layout
                | Action::Wrap
                | Action::Left
                | Action::Right
                | Action::Blanks
                | Action::Attribution
                | Action::Files
                | Action::NextCommit
                | Action::PreviousCommit
                | Action::RangeDiff
                | Action::Edit
                | Action::Copy
                | Action::CopyHunk,
            ) => Group::Look,
            _ => Group::Read,
        }
    }
}
