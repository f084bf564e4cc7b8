//! `gate-*`: what a gate makes of what a security key proves.

use undersign::record::statement::Decimal;

use super::Maker;
use super::chains::Series;
use super::outcomes::policy;
use super::people::{NOW, dana, ines, jonas};

impl Maker {
    pub(super) fn presence(&mut self) {
        let asks = |level: &str| {
            format!(
                "[compartment.src]\npaths = [\"src/**\"]\nsign = [{{ role = \"senior\", n = 1 }}]\n\
                 presence = \"{level}\"\n"
            )
        };
        let jonas_key = format!(
            "{{ key = \"{}\", presence = \"attested\", application = \"ssh:undersign\", attestation = \"{}\" }}",
            jonas().token.key().to_openssh(),
            "a".repeat(64)
        );
        let enrol = |how: &str| {
            vec![
                ("ines", format!("{{ key = \"{}\", {how} }}", ines().token.key().to_openssh())),
                // Somebody can always sign, so that the policy is one that its roster can meet.
                ("jonas", jonas_key.clone()),
            ]
        };
        let attested =
            format!("presence = \"attested\", application = \"ssh:undersign\", attestation = \"{}\"", "a".repeat(64));
        let levels = ["none", "touch", "pin+touch", "attested"];
        let enrolments = [
            ("none", "presence = \"none\""),
            ("touch", "presence = \"touch\""),
            ("pin", "presence = \"pin+touch\""),
            ("attested", &attested as &str),
        ];
        for (rank, (enrolled, how)) in enrolments.iter().enumerate() {
            for flags in [0x00u8, 0x01, 0x04, 0x05, 0x45] {
                let shown = match flags & 5 {
                    5 => 2,
                    1 => 1,
                    _ => 0,
                };
                let proven = if rank == 3 && shown == 2 { 3 } else { shown.min(rank) };
                for (asked, level) in levels.iter().enumerate().skip(1) {
                    let expect = if proven >= asked { "allow" } else { "UNSIGNED PRESENCE" };
                    let series = Series::of(ines()).tap(|s| s.flags = flags).approve();
                    let what = format!("Flags {flags:#04x}, enrolled as {enrolled}, {level} asked for");
                    let name = format!("presence-{enrolled}-{flags:02x}-{}", level.replace("pin+touch", "pin"));
                    self.judged(&name, &what, expect, &policy(&asks(level), &enrol(how)), &[series]);
                }
            }
        }
        self.judged(
            "presence-software",
            "A software key where touch is asked for",
            "UNSIGNED PRESENCE",
            &policy(&asks("touch"), &enrol("presence = \"touch\"")),
            &[Series::of(dana()).approve()],
        );
        // The counter of a security key.
        let touch = policy(&asks("touch"), &enrol("presence = \"touch\""));
        let first =
            |counter: u32| Series::of(ines()).tap(|s| s.counter = counter).add(|p| p.manifest.paths = Decimal(2));
        let other = |series: Series| {
            let id = series.id(1);
            series.add(move |p| p.supersedes = vec![id])
        };
        for (name, what, before, after, expect) in [
            ("counter-grows", "The counter grows", 7, 8, "allow"),
            ("counter-same", "The counter stays: two keys, or one that was turned back", 7, 7, "CLONE"),
            ("counter-falls", "The counter falls", 7, 6, "CLONE"),
            ("counter-to-zero", "The counter falls to 0", 7, 0, "CLONE"),
            ("counter-none", "A key that does not count", 0, 0, "allow"),
            ("counter-begins", "A key that begins to count", 0, 1, "allow"),
        ] {
            // The first approval is taken back by the second: only the second could fill the slot.
            let series = Series::of(ines())
                .tap(|s| s.counter = before)
                .add(|p| p.not_after = Decimal(NOW - 1))
                .tap(|s| s.counter = after)
                .approve();
            let expect = if expect == "CLONE" { "UNSIGNED AI_UNSIGNED EXPIRED CLONE" } else { "allow" };
            self.judged(name, what, expect, &touch, &[series]);
        }
        let stolen = other(first(7).tap(|s| s.counter = 3));
        self.judged("clone-supersedes", "A record of the clone supersedes nothing", "allow", &touch, &[stolen]);
        let vetoed = Series::of(ines())
            .tap(|s| s.counter = 7)
            .add(|p| p.not_after = Decimal(NOW - 1))
            .tap(|s| s.counter = 7)
            .reject();
        self.judged(
            "clone-rejects",
            "A rejection by the clone counts for nothing either",
            "allow",
            &touch,
            &[vetoed, Series::of(jonas()).approve()],
        );
    }
}
