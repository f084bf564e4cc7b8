//! FLOOR 1: the check between an agent and its shell: whether a tool call reaches production, and how to tell each
//! agent. Level L0: it stops accidents. What an agent really cannot do depends on the credentials that it lacks.

mod carriers;
pub mod dialect;
pub mod install;
pub mod mcp;
mod phrase;
mod production;
mod rules;
mod runs;
mod sed;
mod shell;

pub use dialect::{Agent, Answer, Call};
pub use production::{Judgement, Reach};
pub use rules::ProductionRules;

/// Judges a call: all command lines in it, and the tool itself.
pub fn judge(call: &Call, rules: &ProductionRules) -> Judgement {
    let of_tool = rules.judge_tool(&call.tool);
    // This call only requests the command that it names.
    if call.is_own() {
        return of_tool;
    }
    let lines = call.commands.iter().map(|command| match command {
        dialect::Command::Line(text) => rules.judge_line(text),
        dialect::Command::Words(words) => rules.judge_words(words),
        dialect::Command::Item(text) => rules.judge_item(text),
        dialect::Command::Code(text) => rules.judge_code(text),
    });
    [of_tool].into_iter().chain(lines).find(|found| *found != Judgement::Elsewhere).unwrap_or(Judgement::Elsewhere)
}
