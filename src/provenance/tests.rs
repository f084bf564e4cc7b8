use super::*;
use crate::change::Identity;

const HUMAN: &str = "Ada <ada@corp.example>";
const AFTER_THE_WINDOW: i64 = 1_790_000_000;
const IN_THE_WINDOW: i64 = 1_777_000_000;

fn commit(author: &str, message: &str) -> Commit {
    let author = lines::identities(author).pop().unwrap_or(Identity { name: String::new(), email: String::new() });
    let committer = Identity { name: "GitHub".into(), email: "noreply@github.com".into() };
    Commit {
        id: ObjectId([7; 20]),
        parents: vec![],
        author,
        committer,
        message: message.into(),
        time: AFTER_THE_WINDOW,
    }
}

fn traced(author: &str, message: &str, branch: &str) -> Provenance {
    trace(&[commit(author, message)], branch, Rules::shipped())
}

fn under(line: &str) -> Provenance {
    traced(HUMAN, &format!("x\n\n{line}\n"), "feature/x")
}

/// `{}` stands for GitHub's noreply host.
fn github(text: &str) -> String {
    text.replace("{}", "users.noreply.github.com")
}

#[test]
fn the_shipped_rules_are_read() {
    let rules = Rules::parse("provenance.toml", include_str!("../../assets/provenance.toml"));
    assert_eq!(rules.map(|rules| rules.digest()), Ok(Rules::shipped().digest()));
}

#[test]
fn the_mailbox_of_a_tool_at_its_vendor_is_a_sign_and_that_of_a_colleague_there_is_none() {
    for who in [
        "Claude Code <claude-code@anthropic.com>",
        "Claude <claude@anthropic.com>",
        "Jules <jules@google.com>",
        "Gemini <gemini@google.com>",
        "OpenCode <opencode@sst.dev>",
        "Factory Droid <droid@factory.ai>",
        "Kilo Code <kilo@kilocode.ai>",
        "Cursor <cursor@cursor.sh>",
        "AI Assistant <ai@corp.example>",
    ] {
        assert!(!under(&format!("Co-authored-by: {who}")).evidence.is_empty(), "{who}");
        assert!(!traced(who, "x", "feature/x").evidence.is_empty(), "{who}");
    }
    for who in [
        "Jules Verne <jules@google.com>",
        "Claude Martin <claude.martin@google.com>",
        "Dana Reed <dana@mistral.ai>",
        "Kim Cursor <kim@cursor.sh>",
    ] {
        assert!(under(&format!("Co-authored-by: {who}")).evidence.is_empty(), "{who}");
        assert!(traced(who, "x", "feature/x").evidence.is_empty(), "{who}");
    }
}

#[test]
fn what_a_change_was_made_with_is_a_sign_only_if_it_names_a_tool_that_writes() {
    for line in
        ["Pair-programmed-with: Claude Code", "Built-with: Cursor", "Vibe-coded-with: Claude", "Assistant: Claude"]
    {
        assert!(!under(line).evidence.is_empty(), "{line}");
    }
    assert!(!under("AI: yes").evidence.is_empty());
    for line in ["Built-with: make", "Pair-programmed-with: Dana Reed", "Assistant: Dana Reed", "AI: retry the call"] {
        assert!(under(line).evidence.is_empty(), "{line}");
    }
}

#[test]
fn every_mistake_of_a_rule_file_is_named() {
    let source = "[[tool]]\nname = 'a'\nids = ['x', '1', '1']\nlines = ['(']\nclass = 'b'\nstrength = 'c'\n\
                  [[key]]\nkey = 'k'\nclass = 'l'\n";
    let refused = Rules::parse("own.toml", source).expect_err("the file has mistakes");
    let seen: Vec<_> = refused.mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(seen, [1, 3, 3, 4, 5, 6, 9], "{refused}");
}

#[test]
fn people_do_not_fire() {
    for who in [
        "Claude Martin <c.martin@corp.example>",
        "Claude <claude@corp.example>",
        "Claude Martin <noreply@corp.example>",
        "Devin Logan <devin@corp.example>",
        "Jules Verne <jv@corp.example>",
        "Gemini Rodriguez <g@corp.example>",
        "Jan Bot <jan.bot@corp.example>",
        "Cody Banks <cody@banks.example>",
        "Anna Goose <anna.goose@corp.example>",
        "Cody <cody@corp.example>",
        "Jane Claude <jane.claude@anthropic.com>",
        "Goose Team <noreply@corp.example>",
        "Mina <1234-mina@users.noreply.gitlab.com>",
        "Weiwei AI <weiwei.ai@corp.example>",
        "Ai Chen <ai@corp.example>",
        "copilot <copilot@{}>",
        "copilot <12+copilot@{}>",
        "devin <77+devin@{}>",
        "kiro <kiro@{}>",
        "amp <78+amp@{}>",
        "junie <junie@{}>",
        "jules <79+jules@{}>",
        "Jane <jane@codeium.com>",
        "Jane <jane@anthropic.com>",
        "dev <123-dev@users.noreply.replit.com>",
        "Code for All <c@corp.example>",
        "Devin for Rosa <d@corp.example>",
        "Mina via the archive <m@corp.example>",
    ] {
        let who = github(who);
        for found in [
            traced(&who, "x\n\nbody", "feature/x"),
            under(&format!("Co-authored-by: {who}")),
            under(&format!("Signed-off-by: {who}")),
            under(&format!("Assisted-by: {who}")),
        ] {
            assert!(!found.is_ai() && found.agent.is_none(), "{who}: {found:?}");
            assert_eq!(found.status, Status::Undeclared, "{who}");
        }
        assert_eq!(author_set(&[commit(&who, "x")], Rules::shipped()).len(), 1, "{who} is a person");
    }
}

#[test]
fn prose_and_other_software_do_not_fire() {
    for line in [
        "Assisted-by: Daniel Stenberg",
        "Assisted-by: someone on github <noreply@github.com>",
        "Assisted-by: Claude Martin",
        "Assisted-by: Ai Chen",
        "Generated-By: StageFreight",
        "Made-with: love",
        "generated by Replit environment",
        "AI-used-for: research",
        "Assisted-by: none",
        "Blocked-by: none",
        "Reviewed-by: Claude <noreply@anthropic.com>",
        "Reported-by: Devin",
        "agent: retry",
        "we talked of Claude, Copilot and Cursor",
    ] {
        assert!(!under(line).is_ai(), "{line}: {:?}", under(line));
    }
    for title in ["agent: retry", "Made with Cursor in mind", "Assisted-by: Claude"] {
        assert!(!traced(HUMAN, title, "cursor/blink-rate").is_ai(), "{title}");
    }
}

#[test]
fn an_unknown_provenance_line_is_shown_and_not_counted() {
    for line in ["AI-used-for: research", "Conjured-by: a spell", "Generated-By: StageFreight", "Foo-Session: 1"] {
        let found = under(line);
        assert_eq!(found.evidence.iter().map(|e| e.class).collect::<Vec<_>>(), [Class::Unrecognised], "{line}");
    }
    for line in ["Reviewed-by: Bo <bo@corp.example>", "Signed-off-by: Bo <bo@corp.example>", "Fixes: 12"] {
        assert_eq!(under(line).evidence, [], "{line}");
    }
}

/// Lines of a kind that any tool writes, with the name to show.
const KINDS: &[(&str, &str)] = &[
    ("✨ Made with Cursor", "Cursor"),
    ("🚀 Crafted with Windsurf", "Windsurf"),
    ("⚡\u{FE0F} Written by Amp", "Amp"),
    ("🤖 Made with Kilo Code", "Kilo Code"),
    ("👩\u{200D}💻 Vibe-coded using Claude Code", "Claude"),
    ("🪄 Co-written by Jules", "Jules"),
    ("- Built with [Gemini CLI](https://example.com)", "Gemini CLI"),
    ("Generated with Amp", "Amp"),
    ("Generated by Copilot", "Copilot"),
    ("Created with the help of Claude Code (claude-opus-5)", "Claude"),
    ("Written entirely by Claude Code.", "Claude"),
    ("Committed-By-Agent: claude", "Claude"),
    ("Reviewed-by-AI: codex", "Codex"),
    ("Committed-by: Claude", "Claude"),
    ("Implemented-By: opencode", "opencode"),
    ("Fixed-by: Claude Code", "Claude"),
    ("Agent: opencode", "opencode"),
    ("AI-Agent: Claude Code", "Claude"),
    ("Co-authored-by: Claude Opus 5 <mina+claude-code@example.com>", "Claude"),
    ("Co-authored-by: Mina <mina+copilot@example.com>", "Copilot"),
];

#[test]
fn signs_are_known_by_their_kind() {
    for (line, tool) in KINDS {
        let found = under(line);
        assert_eq!((found.status, found.agent.as_deref()), (Status::Declared, Some(*tool)), "{line}: {found:?}");
    }
    for line in ["Author-Agent: codex", "Co-developed-by: Claude claude-opus-4-6", "Assisted-by: ChatGPTv5"] {
        assert_eq!(under(line).status, Status::Declared, "{line}");
    }
    assert_eq!(under("Agent: opencode\nModel: claude-opus-5").status, Status::Declared);
    assert_eq!(under("Model: anthropic/claude-opus-5").status, Status::Detected);
    assert_eq!((under("LLM: gpt-5").status, under("LLM: gpt-5").word()), (Status::Detected, "AI"));
    for author in ["Mina <mina+claude-code@example.com>", "claude-review[bot] <claude-review[bot]@{}>"] {
        let found = traced(&github(author), "x", "");
        assert_eq!((found.status, found.agent()), (Status::Detected, Some("Claude")), "{author}: {found:?}");
    }
    let people = author_set(&[commit("Mina <mina+claude-code@example.com>", "x")], Rules::shipped());
    assert_eq!(people.len(), 1, "whose address it is stays an author");
}

#[test]
fn a_sign_that_no_rule_knows_is_told_as_one() {
    for line in [
        "✨ Made with FrobAI",
        "Built with [Frob Coder](https://frob.example)",
        "Written by Jules",
        "Assisted-by: Llama 4 Maverick",
        "Generated-by: FrobAI",
        "Co-developed-by: Claude <claude@anthropic.com>",
        "Co-authored-by: ChatGPT <chatgpt@openai.com>",
        "Co-authored-by: GPT-5 <gpt-5@openai.com>",
        "Co-authored-by: GLM-4.6 <noreply@z.ai>",
        "Co-authored-by: DeepSeek <noreply@deepseek.com>",
        "Co-authored-by: Tabnine <noreply@tabnine.com>",
        "Co-authored-by: Cody <cody@sourcegraph.com>",
        "Co-authored-by: Goose <goose@block.xyz>",
        "Co-authored-by: Letta Code <noreply@letta.com>",
        "Co-authored-by: Zed Agent <agent@zed.dev>",
        "Co-authored-by: Mina <mina+ai-agent@example.com>",
        "Co-authored-by: Mina <mina+jules@example.com>",
    ] {
        let found = under(line);
        assert_eq!((found.status, found.is_ai()), (Status::Unrecognised, false), "{line}: {found:?}");
    }
    for author in [
        "Mina <mina+llm@example.com>",
        "Jules <jules+bot@example.com>",
        "Mina <mina.holt+my-agent@example.com>",
        "Mina (claude) <mina@example.com>",
        "Mina (via Claude) <mina@example.com>",
        "Claude for Mina <mina@example.com>",
        "Mina via Claude Code <mina@example.com>",
        "claude-bot <project_77_bot_9f8e@noreply.gitlab.example.com>",
        "release token <project_77_bot@noreply.gitlab.com>",
        "renovate <group_12_bot_ab12@noreply.gitlab.com>",
        "Duo <service_account_group_9970_abc@noreply.gitlab.com>",
        "Duo Developer <dd@corp.example>",
        "forgejo-actions <noreply@forgejo.org>",
        "claude-bot <bot@corp.example>",
        "frob-runner[bot] <7+frob-runner[bot]@{}>",
    ] {
        let found = traced(&github(author), "x", "");
        assert_eq!((found.status, found.is_ai()), (Status::Unrecognised, false), "{author}: {found:?}");
        assert_eq!(found.word(), "unrecognised");
    }
    assert_eq!(author_set(&[commit("claude-bot <bot@corp.example>", "x")], Rules::shipped()).len(), 1);
    assert_eq!(
        [under("Assisted-by: Llama 4"), under("x")].each_ref().map(Provenance::tool),
        ["no known tool", "no tool named"]
    );
    assert_eq!(under("Reviewed-By: CodeRabbit").evidence[0].rule, "coderabbit.suggestion.judgement");
}

#[test]
fn who_speaks_of_a_tool_declares_nothing() {
    for line in [
        "Made with Cursor in mind",
        "❤\u{FE0F} Made with love",
        "🎉 Created by Bob Smith",
        "Written by Claude Martin",
        "Written with Cursor support, since people asked for it",
        "files that were",
        "Generated with Claude Code as a rule, such files are left alone",
        "code generated with Claude Code is refused from now on",
        "generated by Copilot are left alone",
        "Generated with protoc 25.1",
        "Built with Rust",
        "Built by the Copilot team at work",
        "Model: add an index",
        "Model: User",
        "agent: retry",
        "Agent: reconnect when the Claude API is down",
        "Fixed-by: Bob Smith",
        "Co-authored-by: Mina <mina+github@example.com>",
        "Co-authored-by: Mina <mina+work@example.com>",
        "Co-authored-by: Ann <ann+email@example.com>",
        "Co-authored-by: Raj (Pune) <raj@example.com>",
    ] {
        let found = under(line);
        assert_eq!((found.status, &found.evidence[..]), (Status::Undeclared, &[][..]), "{line}");
    }
}

#[test]
fn notes_are_evidence_of_the_change_and_say_who_they_are_of() {
    use super::attribution::{Claims, Format, Testimony, Writer, git_ai};
    let note = "a\n  s_c9883b05a2487d::t_1 1-3\n---\n{\"schema_version\":\"authorship/3.0.0\",\"prompts\":{},\
                \"sessions\":{\"s_c9883b05a2487d\":{\"agent_id\":{\"tool\":\"claude\",\"id\":\"c\",\"model\":\"m\"}}}}";
    let commits = [commit(HUMAN, "x")];
    let of = |format, claims: Claims| {
        let mut testimony = Testimony::default();
        testimony.add(commits[0].id, format, claims);
        trace_with(&commits, [""], testimony.evidence(&commits, Rules::shipped()), Rules::shipped())
    };
    let found = of(Format::GitAi, git_ai::parse(note.as_bytes()).unwrap());
    assert_eq!((found.status, found.agent()), (Status::Detected, Some("Claude")));
    let first = &found.evidence[0];
    assert_eq!((first.rule.as_str(), first.strength, first.channel), ("git-ai.note", Strength::Medium, Channel::Note));
    assert_eq!((first.commit, first.raw.as_str()), (Some(commits[0].id), "claude, m"));
    // A session without remaining lines was still at work.
    let gone = note.replace("a\n  s_c9883b05a2487d::t_1 1-3\n", "");
    assert_eq!(of(Format::GitAi, git_ai::parse(gone.as_bytes()).unwrap()).agent(), Some("Claude"));
    let own = Writer { tool: Some("frob\u{1b}".into()), ..Writer::default() };
    let claims = Claims { absent: vec![own], ..Claims::default() };
    assert_eq!(of(Format::AgentTrace, claims).agent(), Some("frob␛"), "what a note writes is escaped");
    let mut testimony = Testimony::default();
    testimony.unread(Some(commits[0].id), "The note is not read.".to_owned());
    let notes = testimony.evidence(&commits, Rules::shipped());
    assert_eq!(trace_with(&commits, [""], notes, Rules::shipped()).status, Status::Unrecognised);
    assert_eq!(of(Format::GitAi, Claims::default()).status, Status::Undeclared);
}

#[test]
fn a_note_in_json_that_names_a_tool_is_a_weak_sign() {
    let of = |text: &str| {
        let commits = [commit(HUMAN, "x")];
        let notes = Rules::shipped().plain_note(commits[0].id, "provenance", text);
        trace_with(&commits, [""], notes, Rules::shipped())
    };
    for (text, tool) in [
        ("{\"agent\":\"codex\",\"model\":\"gpt-5\"}", "Codex"),
        ("{\"tool\":\"codex\"}", "Codex"),
        ("{\"at\":1,\"agent\":\"Claude Code\"}\n", "Claude"),
        ("{\n  \"agent_name\": \"claude-code\",\n  \"session\": 1\n}\n", "Claude"),
    ] {
        let found = of(text);
        assert_eq!((found.status, found.agent()), (Status::Detected, Some(tool)), "{text}: {found:?}");
        assert!(found.evidence.iter().all(|evidence| evidence.strength == Strength::Weak));
    }
    for text in [
        "{\"agent\":\"jenkins\",\"result\":\"pass\"}",
        "{\"reviewer\":\"Claude Martin\"}",
        "{\"text\":\"agent: codex\"}",
    ] {
        assert_eq!(of(text).status, Status::Undeclared, "{text}");
    }
}

#[test]
fn a_negative_claim_is_a_state_of_its_own() {
    for line in ["Assisted-by: none", "AI-assistant: None.", "ai-used: no", "Generated-by: n/a"] {
        assert_eq!(under(line).status, Status::NegativeClaim, "{line}");
    }
    assert_eq!(under("Assisted-by: none\nClaude-Session: x").status, Status::Declared);
}

#[test]
fn bots_that_are_no_ai_are_told_apart() {
    for bot in [
        "dependabot[bot] <49699333+dependabot[bot]@{}>",
        "renamed <49699333+other[bot]@{}>",
        "renovate[bot] <29139614+renovate[bot]@{}>",
        "github-actions[bot] <41898282+github-actions[bot]@{}>",
        "pre-commit-ci[bot] <66853113+pre-commit-ci[bot]@{}>",
        "codecov[bot] <codecov[bot]@{}>",
        "allcontributors[bot] <46447321+allcontributors[bot]@{}>",
        "mergify[bot] <37929162+mergify[bot]@{}>",
        "release-please[bot] <1+release-please[bot]@{}>",
        "stainless-app[bot] <142633134+stainless-app[bot]@{}>",
    ] {
        let bot = github(bot);
        let found = traced(&bot, &format!("x\n\nCo-authored-by: {bot}"), "feature/x");
        assert!(!found.is_ai() && found.evidence.iter().all(|e| e.class == Class::BotNotAi), "{found:?}");
        assert_eq!(found.evidence.len(), 2, "{bot}");
        assert_eq!(author_set(&[commit(&bot, "x")], Rules::shipped()), [], "{bot}");
    }
    assert_eq!(traced("GitHub <noreply@github.com>", "x", "").evidence, []);
}

/// Message lines that tools write, with the name to show.
const LINES: &[(&str, &str)] = &[
    ("Co-Authored-By: Claude <noreply@anthropic.com>", "Claude"),
    ("co-authored-by: Claude Opus 4.6 (1M context) <noreply@anthropic.com>", "Claude"),
    ("Co-Authored-By: Some Model 9 <noreply@anthropic.com>", "Claude"),
    ("Co-Authored-By: GPT-5.6 Sol <noreply@anthropic.com>", "Claude"),
    ("Co-Authored-By: Cursor Grok 4.6 <noreply@anthropic.com>", "Cursor"),
    ("🤖 Generated with [Claude Code](https://claude.com/claude-code)", "Claude"),
    ("🤖 Generated with [Claude Code](https://claude.ai/code)", "Claude"),
    ("Claude-Session: https://claude.ai/code/session_01", "Claude"),
    ("Agent-Logs-Url: https://github.com/o/r/sessions/0f0f", "Copilot"),
    ("Co-authored-by: Copilot <223556219+Copilot@{}>", "Copilot"),
    ("Co-authored-by: renamed <223556219+other@{}>", "Copilot"),
    ("Co-authored-by: Copilot <copilot@github.com>", "Copilot"),
    ("Co-authored-by: Copilot <175728472+Copilot@{}>", "Copilot"),
    ("Co-authored-by: Copilot Autofix powered by AI <175728472+github-advanced-security[bot]@{}>", "Copilot"),
    ("Co-authored-by: Cursor <cursoragent@cursor.com>", "Cursor"),
    ("Co-authored-by: Cursor Agent <cursoragent@cursor.com>", "Cursor"),
    ("Made-with: Cursor", "Cursor"),
    ("Made with Cursor", "Cursor"),
    ("Made with [Cursor](https://cursor.com)", "Cursor"),
    ("Cursor-Session: 1", "Cursor"),
    ("Co-authored-by: Codex <noreply@openai.com>", "Codex"),
    ("Co-authored-by: Codex <codex@openai.com>", "Codex"),
    ("Co-authored-by: Codex <codex@agent>", "Codex"),
    ("Co-authored-by: Codex <codex@local>", "Codex"),
    ("Codex-Session-Id: 1", "Codex"),
    ("Codex-Session: 1", "Codex"),
    ("Generated with [Codex](https://openai.com/codex)", "Codex"),
    ("https://chatgpt.com/codex/tasks/task_e_1", "Codex"),
    ("Co-authored-by: aider (gpt-5) <noreply@aider.chat>", "aider"),
    ("Co-authored-by: aider (gpt-5) <aider@aider.chat>", "aider"),
    ("Co-Authored-By: Devin <devin@cognition.ai>", "Devin"),
    ("Devin Session: https://app.devin.ai/sessions/1", "Devin"),
    ("Generated with [Devin](https://devin.ai)", "Devin"),
    ("*PR created automatically by Jules for task [1](https://jules.google.com/task/1) started by @mina*", "Jules"),
    ("Co-authored-by: gemini-cli <218195315+gemini-cli@{}>", "Gemini CLI"),
    ("Co-authored-by: gemini-cli", "Gemini CLI"),
    ("PR created by @kiro-agent on behalf of @mina", "Kiro"),
    ("Amp-Thread-ID: https://ampcode.com/threads/T-1", "Amp"),
    ("Co-authored-by: Amp <amp@ampcode.com>", "Amp"),
    ("🤖 Generated with [opencode](https://opencode.ai)", "opencode"),
    ("Co-Authored-By: opencode <noreply@opencode.ai>", "opencode"),
    ("💘 Generated with Crush", "Crush"),
    ("Assisted-by: Crush:some-model", "Crush"),
    ("Co-Authored-By: Crush <crush@charm.land>", "Crush"),
    ("Co-Authored-By: Oz <oz-agent@warp.dev>", "Warp"),
    ("Co-Authored-By: Warp <agent@warp.dev>", "Warp"),
    ("Replit-Commit-Author: Agent", "Replit"),
    ("Replit-Commit-Author: Assistant", "Replit"),
    ("Replit-Commit-Session-Id: 1", "Replit"),
    ("Replit-Commit-Checkpoint-Type: full_checkpoint", "Replit"),
    ("Replit-Commit-Event-Id: 1", "Replit"),
    ("Replit-Commit-Screenshot-Url: https://x.example", "Replit"),
    ("Replit-Helium-Checkpoint-Created: true", "Replit"),
    ("X-Lovable-Edit-ID: edt-0f0f", "Lovable"),
    ("Co-authored-by: Junie <junie@jetbrains.com>", "Junie"),
    ("Co-authored-by: openhands <openhands@all-hands.dev>", "OpenHands"),
    ("Co-Authored-By: Zed <noreply@zed.dev>", "Zed"),
    ("Entire-Checkpoint: 0123456789ab", "Entire"),
    ("Signed-off-by: Claude", "Claude"),
    ("Signed-off-by: Claude <noreply@anthropic.com>", "Claude"),
    ("Suggested-by: Codex <noreply@openai.com>", "Codex"),
    ("Coding-Agent: Claude Code", "Claude"),
    ("AI-assistant: Copilot", "Copilot"),
    ("X-AI-Tool: aider", "aider"),
    ("X-Agent: Claude Code", "Claude"),
    ("Tool: Cursor", "Cursor"),
    ("Assisted-by: Claude:claude-3-opus coccinelle sparse", "Claude"),
    ("Assisted-by: Claude Code (claude-opus-4-6)", "Claude"),
    ("Generated-by: claude-code/claude-sonnet-5", "Claude"),
    ("Assisted-by: openai-codex:gpt-5.5 [read,bash,edit]", "Codex"),
    ("Assisted-by: claude-code:opus#high (orchestrator)", "Claude"),
    ("Assisted-by: GPT-5.6 Sol via Codex", "Codex"),
    ("Assisted-by: cursor-agent/0.42 (model: x; operator: Mina)", "Cursor"),
    ("Assisted-by: OpenCode v1.0.203 (Claude Opus 4.5)", "opencode"),
];

#[test]
fn every_line_that_tools_write_fires_wherever_it_stands() {
    for (line, tool) in LINES {
        let line = github(line);
        for message in [
            format!("x\n\n{line}\n"),
            format!("x\n\n{}\n", line.to_lowercase()),
            format!("x\r\n\r\nbody\r\n{line}  \r\n"),
            format!("* a\n\n  {line}\n---------\n\n* b\n\nafter\n\nSigned-off-by: Bo <bo@corp.example>\n"),
            format!("Merge branch 'x'\n\n    commit\n    {line}\n    Note: y\n"),
        ] {
            let found = traced(HUMAN, &message, "feature/x");
            assert_eq!(found.agent.as_deref(), Some(*tool), "{message:?}: {found:?}");
            assert_eq!(found.status, Status::Declared, "{message:?}");
        }
    }
    for line in [
        "Assisted-by: generic LLM chatbot",
        "Assisted-by: LLM [sparse]",
        "Assisted-by: frob:model [a] [b]",
        "Agent-Attribution: 75%",
        "AI-Assisted: yes",
        "Coding-Agent: frob",
        "🤖 Generated with [frob](https://f.example)",
    ] {
        let found = under(line);
        assert_eq!((found.status, found.agent), (Status::Declared, None), "{line}");
    }
}

/// Authors, with the name to show.
const AUTHORS: &[(&str, &str)] = &[
    ("Claude <noreply@anthropic.com>", "Claude"),
    ("claude[bot] <209825114+claude[bot]@{}>", "Claude"),
    ("Claude <242468646+Claude@{}>", "Claude"),
    ("claude[bot] <41898282+claude[bot]@{}>", "Claude"),
    ("Claude <81847+claude@{}>", "Claude"),
    ("anthropic-code-agent[bot] <anthropic-code-agent[bot]@{}>", "Claude"),
    ("copilot-swe-agent[bot] <198982749+Copilot@{}>", "Copilot"),
    ("Copilot <223556219+Copilot@{}>", "Copilot"),
    ("copilot[bot] <167198135+copilot[bot]@{}>", "Copilot"),
    ("Cursor <cursor@agent>", "Cursor"),
    ("Composer <composer@anysphere.co>", "Cursor"),
    ("cursor[bot] <206951365+cursor[bot]@{}>", "Cursor"),
    ("Codex <242516109+Codex@{}>", "Codex"),
    ("codex <267193182+codex@{}>", "Codex"),
    ("openai-code-agent[bot] <1+openai-code-agent[bot]@{}>", "Codex"),
    ("Codex Test <codex@example.com>", "Codex"),
    ("Devin AI <158243242+devin-ai-integration[bot]@{}>", "Devin"),
    ("Devin <bot@devin.ai>", "Devin"),
    ("google-labs-jules[bot] <161369871+google-labs-jules[bot]@{}>", "Jules"),
    ("gemini-cli[bot] <gemini-cli[bot]@{}>", "Gemini CLI"),
    ("Antigravity <antigravity@google.com>", "Antigravity"),
    ("kiro-agent <244629292+kiro-agent@{}>", "Kiro"),
    ("kiro-agent[bot] <245459735+kiro-agent[bot]@{}>", "Kiro"),
    ("amazon-q-developer[bot] <208079219+amazon-q-developer[bot]@{}>", "Amazon Q"),
    ("Cascade <cascade@windsurf.com>", "Windsurf"),
    ("Cascade <cascade@windsurf.ai>", "Windsurf"),
    ("Windsurf <windsurf@codeium.com>", "Windsurf"),
    ("windsurf-bot[bot] <2+windsurf-bot[bot]@{}>", "Windsurf"),
    ("opencode-agent[bot] <3+opencode-agent[bot]@{}>", "opencode"),
    ("factory-droid[bot] <138933559+factory-droid[bot]@{}>", "Factory"),
    ("Agent <agent@replit.com>", "Replit"),
    ("lovable-dev[bot] <4+lovable-dev[bot]@{}>", "Lovable"),
    ("gpt-engineer-app[bot] <5+gpt-engineer-app[bot]@{}>", "Lovable"),
    ("jetbrains-junie[bot] <6+jetbrains-junie[bot]@{}>", "Junie"),
    ("roomote <roomote@roocode.com>", "Roo"),
    ("roomote <roomote@roomote.dev>", "Roo"),
    ("roomote[bot] <263205322+roomote[bot]@{}>", "Roo"),
    ("roomote-roomote[bot] <301996811+roomote-roomote[bot]@{}>", "Roo"),
    ("Cline <noreply@cline.bot>", "Cline"),
    ("cline[bot] <205137888+cline[bot]@{}>", "Cline"),
    ("openhands <175740463+openhands-agent@{}>", "OpenHands"),
    ("goose <goose@opensource.block.xyz>", "Goose"),
    ("Augment <noreply@augmentcode.com>", "Augment"),
    ("augmentcode[bot] <185243770+augmentcode[bot]@{}>", "Augment"),
    ("Continue <noreply@continue.dev>", "Continue"),
    ("Qwen-Coder <qwen-coder@alibabacloud.com>", "Qwen"),
    ("Mistral Vibe <vibe@mistral.ai>", "Mistral"),
    ("Grok <grok@x.ai>", "Grok"),
    ("Grok <noreply@x.ai>", "Grok"),
    ("Kimi <noreply@moonshot.ai>", "Kimi"),
    ("Pi <pi@earendil.works>", "Pi"),
    ("Codebuff <noreply@codebuff.com>", "Codebuff"),
    ("sweep-ai[bot] <7+sweep-ai[bot]@{}>", "Sweep"),
    ("sweep-nightly[bot] <131841235+sweep-nightly[bot]@{}>", "Sweep"),
    ("codegen-sh[bot] <8+codegen-sh[bot]@{}>", "Codegen"),
    ("tembo[bot] <9+tembo[bot]@{}>", "Tembo"),
    ("mentatbot[bot] <10+mentatbot[bot]@{}>", "Mentat"),
    ("v0[bot] <11+v0[bot]@{}>", "v0"),
    ("Claude", "Claude"),
    ("Claude Code <claude@localhost>", "Claude"),
    ("Copilot <noreply@github.com>", "Copilot"),
    ("Ada (aider) <ada@corp.example>", "aider"),
    ("frob <frob@agent>", "an agent"),
];

#[test]
fn every_identity_of_a_tool_fires_as_author_and_as_co_author() {
    for (who, tool) in AUTHORS {
        let who = github(who);
        let found = traced(&who, "x", "");
        assert_eq!((found.status, found.agent.as_deref()), (Status::Detected, Some(*tool)), "{who}: {found:?}");
        assert_eq!(found.evidence[0].class, Class::AgentAuthored, "{who}");
        let found = under(&format!("Co-authored-by: {who}"));
        assert_eq!((found.status, found.agent.as_deref()), (Status::Declared, Some(*tool)), "{who}: {found:?}");
    }
}

#[test]
fn review_bots_are_credited_with_suggestions() {
    for who in [
        "coderabbitai[bot] <136622811+coderabbitai[bot]@{}>",
        "greptile-apps[bot] <1+greptile-apps[bot]@{}>",
        "gemini-code-assist[bot] <176961590+gemini-code-assist[bot]@{}>",
        "chatgpt-codex-connector[bot] <199175422+chatgpt-codex-connector[bot]@{}>",
        "qodo-merge-pro[bot] <2+qodo-merge-pro[bot]@{}>",
        "sourcery-ai[bot] <3+sourcery-ai[bot]@{}>",
        "ellipsis-dev[bot] <4+ellipsis-dev[bot]@{}>",
        "Copilot <175728472+Copilot@{}>",
    ] {
        let found = under(&github(&format!("Co-authored-by: {who}")));
        assert!(found.evidence.iter().all(|e| e.class == Class::AiSuggestionAccepted), "{who}: {found:?}");
        assert!(found.is_ai() && found.agent.is_some(), "{who}");
    }
}

#[test]
fn branches_and_titles_are_weak() {
    for (branch, tool) in [
        ("copilot/fix-1", "Copilot"),
        ("codex/add", "Codex"),
        ("claude/fix", "Claude"),
        ("devin/1758000000-fix", "Devin"),
        ("cursor/fix-login-0f3a", "Cursor"),
        ("openhands-fix-issue-12", "OpenHands"),
        ("openhands-fix-pr-12", "OpenHands"),
        ("Q-DEV-issue-3-1758000000", "Amazon Q"),
        ("refs/heads/kiro/recreate-env", "Kiro"),
    ] {
        let found = traced(HUMAN, "x", branch);
        assert_eq!((found.status, found.agent.as_deref()), (Status::Detected, Some(tool)), "{branch}");
        assert_eq!((found.evidence[0].strength, found.evidence[0].commit), (Strength::Weak, None), "{branch}");
    }
    for branch in ["cursor/blink-rate", "devin/fix", "agent/x", "jules/fix", "main", ""] {
        assert_eq!(traced(HUMAN, "x", branch).evidence, [], "{branch}");
    }
    assert_eq!(traced(HUMAN, "aider: fix", "").status, Status::Detected);
}

#[test]
fn a_committer_that_is_an_agent_assisted() {
    let mut commit = commit(HUMAN, "x");
    commit.committer = Identity { name: "Ada (aider)".into(), email: "ada@corp.example".into() };
    let found = trace(&[commit], "", Rules::shipped());
    assert_eq!((found.evidence[0].class, found.evidence[0].channel), (Class::Assisted, Channel::Committer));
}

#[test]
fn a_trailer_on_any_commit_of_the_range_fires() {
    let mut commits = vec![commit(HUMAN, "c"), commit(HUMAN, "b\n\nClaude-Session: x"), commit(HUMAN, "a")];
    commits[1].id = ObjectId([9; 20]);
    let found = trace(&commits, "", Rules::shipped());
    assert_eq!(found.evidence.iter().map(|e| e.commit).collect::<Vec<_>>(), [Some(ObjectId([9; 20]))]);
    let mut merge = commit(HUMAN, "Merge branch 'x'\n\nCo-authored-by: Codex <noreply@openai.com>");
    merge.parents = vec![ObjectId([1; 20]), ObjectId([2; 20])];
    assert_eq!(trace(&[merge, commit(HUMAN, "a")], "", Rules::shipped()).agent(), Some("Codex"));
}

#[test]
fn the_strongest_evidence_names_the_agent() {
    let found = traced("Claude <noreply@anthropic.com>", "x\n\nAssisted-by: Codex", "copilot/fix");
    assert_eq!(found.agent(), Some("Claude"));
    let order: Vec<_> = found.evidence.iter().map(|e| e.strength).collect();
    assert_eq!(order, [Strength::Strong, Strength::Medium, Strength::Weak]);
}

#[test]
fn a_disguised_key_is_flagged_and_still_read() {
    for line in ["Assisted\u{200B}-by: Claude", "\u{202E}Assisted-by: Claude", "Claude-\u{2060}Session: 1"] {
        let found = under(line);
        assert!(
            found.evidence.iter().any(|e| e.rule == "disguised-key" && e.class == Class::Unrecognised),
            "{found:?}"
        );
        assert_eq!(found.agent(), Some("Claude"), "{line:?}");
        assert!(found.evidence.iter().any(|e| e.raw == line), "the raw line is kept");
    }
    assert_eq!(under("\u{0410}ssisted-by: Claude").evidence[0].rule, "disguised-key");
    assert!(under("Co-authored-by: x <noreply@anthr\u{200B}opic.com>").is_ai());
}

#[test]
fn credit_that_an_editor_gave_by_itself_is_weak() {
    for address in ["copilot@github.com", "223556219+Copilot@users.noreply.github.com"] {
        let mut commit = commit(HUMAN, &format!("x\n\nCo-authored-by: Copilot <{address}>\n"));
        let strength = |commit: &Commit| trace(std::slice::from_ref(commit), "", Rules::shipped()).evidence[0].strength;
        assert_eq!(strength(&commit), Strength::Strong);
        commit.time = IN_THE_WINDOW;
        assert_eq!(strength(&commit), Strength::Weak);
        assert_eq!(trace(&[commit], "", Rules::shipped()).status, Status::Detected);
    }
}

fn emails(found: &[Identity]) -> Vec<String> {
    found.iter().map(|who| who.email.to_lowercase()).collect()
}

#[test]
fn authors_are_people_and_co_authors_are_among_them() {
    let commits = [
        commit(
            &github("copilot-swe-agent[bot] <198982749+Copilot@{}>"),
            "x\n\nCo-authored-by: Mina <mina@example.com>\nCo-authored-by: Bo <bo@example.com> and more\n",
        ),
        commit("Ada (aider) <ada@example.com>", "y\n\nCo-Authored-By: Claude <noreply@anthropic.com>\n"),
        commit("Mina H <MINA@example.com>", "z\n\nCo-authored-by\u{200B}: Cy <cy@exam\u{200B}ple.com>"),
    ];
    let authors = author_set(&commits, Rules::shipped());
    assert_eq!(emails(&authors), ["ada@example.com", "bo@example.com", "cy@example.com", "mina@example.com"]);
    assert_eq!(authors[0].name, "Ada");
}

#[test]
fn a_person_does_not_leave_the_author_set_by_a_name_or_a_shared_domain() {
    for who in [
        "dependabot[bot] <mallory@corp.example>",
        "Claude <mallory@corp.example>",
        "Mallory (aider) <mallory@corp.example>",
        "Mallory <mallory@windsurf.com>",
        "Mallory <5+claude@users.noreply.github.com>",
    ] {
        assert_eq!(author_set(&[commit(who, "x")], Rules::shipped()).len(), 1, "{who}");
    }
}

#[test]
fn who_asked_an_agent_is_named() {
    let asked = |author: &str, message: &str| operators(&[commit(&github(author), message)], Rules::shipped());
    let copilot = "copilot-swe-agent[bot] <198982749+Copilot@{}>";
    assert_eq!(emails(&asked(copilot, "x\n\nCo-authored-by: Mina <mina@example.com>")), ["mina@example.com"]);
    assert_eq!(emails(&asked("Ada (aider) <ada@example.com>", "x")), ["ada@example.com"]);
    assert_eq!(asked(HUMAN, "x\n\nPR created by @kiro-agent on behalf of @mina")[0].name, "mina");
    assert_eq!(asked(HUMAN, "x\n\nAssisted-by: cursor-agent/0.42 (model: y; operator: Mina H)")[0].name, "Mina H");
    assert_eq!(asked(HUMAN, "x\n\nCo-authored-by: Mina <mina@example.com>\nposted on behalf of @bo"), []);
}

#[test]
fn a_message_of_ten_megabytes_is_cut_and_its_end_is_read() {
    for line in ["Key: value\n", "Co-authored-by: a\n", "AI-x: y\n", "a:\n b\n", "  b\n", "🤖", "a-by: <<<<\n"] {
        let message = format!("x\n\n{}\nCodex-Session: 1\n", line.repeat((10 << 20) / line.len()));
        let found = traced(HUMAN, &message, "");
        assert!(found.evidence.iter().any(|e| e.rule == "message-cut"), "{line}");
        assert!(found.evidence.iter().all(|e| e.raw.chars().count() <= 300), "{line}");
        assert_eq!(found.agent(), Some("Codex"), "the end of a message is looked at: {line}");
    }
    let many: String = (0..1000).map(|n| format!("AI-x: {n}\n")).collect();
    let found = under(&many);
    assert_eq!((found.evidence.len(), found.evidence[200].rule.as_str()), (201, "evidence-cut"));
}

const TRAILERS: &str = "([A-Za-z\u{200B}-]{0,12}(:|-by:) ?[ <>@a-z\u{202E}é]{0,12}[\r\n]{0,2}[ \t]?){0,12}";

proptest::proptest! {
    #[test]
    fn arbitrary_commits_never_panic(author: String, email: String, message: String, branch: String) {
        let mut commit = commit(HUMAN, &message);
        commit.author = Identity { name: author, email };
        let commits = [commit];
        let _ = (trace(&commits, &branch, Rules::shipped()), author_set(&commits, Rules::shipped()));
        let _ = operators(&commits, Rules::shipped());
    }

    #[test]
    fn messages_that_look_like_trailers_never_panic(message in TRAILERS) {
        let _ = traced(HUMAN, &message, &message);
        let _ = operators(&[commit(HUMAN, &message)], Rules::shipped());
    }

    #[test]
    fn arbitrary_rule_files_never_panic(source: String) {
        let _ = Rules::parse("own.toml", &source);
    }
}
