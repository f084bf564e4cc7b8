//! The meaning of a change of the policy for commands: what may newly run, and who authorizes it.

use super::{Direction, Found, Length, added, listed, slots};
use crate::policy::target::{CommandEntry, Start, Target, TargetBreakGlass};
use crate::policy::{Policy, argv::Argument};

impl Found {
    pub(super) fn brokers(&mut self, old: &Policy, new: &Policy) {
        for broker in &new.brokers {
            match old.brokers.iter().find(|other| other.name == broker.name) {
                None => {
                    let text = format!("the broker {} is new, with the key {}", broker.name, broker.key.fingerprint());
                    self.add(Direction::Shifted, text);
                }
                Some(before) if before.key != broker.key => {
                    let (now, then) = (broker.key.fingerprint(), before.key.fingerprint());
                    self.add(
                        Direction::Shifted,
                        format!(
                            "the broker {} signs with {now} instead of {then}: pending requests must be submitted again",
                            broker.name
                        ),
                    );
                }
                Some(_) => {}
            }
        }
        for gone in old.brokers.iter().filter(|broker| !new.brokers.iter().any(|other| other.name == broker.name)) {
            self.add(Direction::Stricter, format!("the broker {} is gone", gone.name));
        }
    }

    pub(super) fn targets(&mut self, old: &Policy, new: &Policy) {
        for gone in old.targets.iter().filter(|target| new.target(&target.name).is_none()) {
            self.add(Direction::Stricter, format!("the target {} is gone: nothing is asked there", gone.name));
        }
        for target in &new.targets {
            match old.target(&target.name) {
                Some(before) => self.target(before, target),
                None => {
                    let text =
                        format!("the target {} is new: what runs there needs {}", target.name, slots(&target.sign));
                    self.add(Direction::Looser, text);
                    self.commands(&target.name, &[], &target.commands);
                }
            }
        }
    }

    fn target(&mut self, old: &Target, new: &Target) {
        let name = &new.name;
        if old.broker != new.broker {
            let text = format!("{name} is run by the broker {} instead of {}", new.broker, old.broker);
            self.add(Direction::Shifted, text);
        }
        if old.about != new.about {
            self.add(Direction::Shifted, format!("{name} is said to be “{}” instead of “{}”", new.about, old.about));
        }
        self.slots(name, &old.sign, &new.sign);
        self.slots(&format!("what destroys at {name}"), &old.destructive, &new.destructive);
        self.more(&format!("{name} demands level"), old.level, new.level);
        self.more(&format!("{name} asks for presence"), old.presence, new.presence);
        self.less(&format!("a request at {name} is good for"), Length(old.valid), Length(new.valid));
        self.less(&format!("open requests of one operator at {name}:"), old.pending, new.pending);
        self.more(&format!("what destroys at {name} cools for"), Length(old.cooling), Length(new.cooling));
        self.less(&format!("the ledger may be read at {name} before"), Length(old.fresh), Length(new.fresh));
        self.switch(
            old.start == Start::Call,
            new.start == Start::Call,
            true,
            &format!("an authorized command at {name} starts when the requester calls again"),
            &format!("an authorized command at {name} starts at once"),
        );
        for freeze in added(&old.freezes, &new.freezes) {
            self.add(Direction::Stricter, format!("nothing starts at {name} in the freeze {freeze}"));
        }
        for freeze in added(&new.freezes, &old.freezes) {
            self.add(Direction::Looser, format!("{name} is open in the freeze {freeze}"));
        }
        self.target_break_glass(name, old.break_glass.as_ref(), new.break_glass.as_ref());
        self.commands(name, &old.commands, &new.commands);
    }

    fn target_break_glass(&mut self, name: &str, old: Option<&TargetBreakGlass>, new: Option<&TargetBreakGlass>) {
        let what = format!("break-glass at {name}");
        match (old, new) {
            (None, Some(terms)) => {
                self.add(Direction::Looser, format!("{what} is possible with {}", slots(&terms.sign)));
            }
            (Some(_), None) => {
                self.add(Direction::Stricter, format!("{what} is possible no more; what it owes is forgotten"));
            }
            (Some(then), Some(now)) => {
                self.slots(&what, &then.sign, &now.sign);
                self.switch(
                    then.operator,
                    now.operator,
                    false,
                    &format!("the operator counts for {what}"),
                    &format!("the operator does not count for {what}"),
                );
                self.more(&format!("{what} asks for presence"), then.presence, now.presence);
                self.less(&format!("{what} in 30 days:"), then.max_per_30d, now.max_per_30d);
                let owed = format!("the authorization after {what} is overdue in");
                self.less(&owed, Length(then.debt_after), Length(now.debt_after));
            }
            (None, None) => {}
        }
    }

    fn commands(&mut self, name: &str, old: &[CommandEntry], new: &[CommandEntry]) {
        for gone in old.iter().filter(|entry| !new.iter().any(|other| other.name == entry.name)) {
            let text = format!("{} counts as destructive at {name}", written(gone));
            self.add(Direction::Stricter, text);
        }
        for entry in new {
            match old.iter().find(|other| other.name == entry.name) {
                None if entry.unasked => self.unasked(name, entry),
                None => {
                    let text = format!("{} may be asked at {name} ({})", written(entry), entry.name);
                    self.add(Direction::Looser, text);
                }
                Some(before) => self.command(name, before, entry),
            }
        }
        let order = |entries: &[CommandEntry], others: &[CommandEntry]| -> Vec<String> {
            let both = entries.iter().filter(|entry| others.iter().any(|other| other.name == entry.name));
            both.map(|entry| entry.name.clone()).collect()
        };
        // The first matching command counts.
        if order(old, new) != order(new, old) {
            self.add(Direction::Shifted, format!("the commands of {name} stand in another order"));
        }
    }

    fn unasked(&mut self, name: &str, entry: &CommandEntry) {
        self.add(Direction::Looser, format!("{} may now run unasked at {name}", written(entry)));
    }

    fn command(&mut self, name: &str, old: &CommandEntry, new: &CommandEntry) {
        if old.argv != new.argv {
            let text = format!("{} at {name} is {} instead of {}", new.name, written(new), written(old));
            self.add(Direction::Shifted, text);
        }
        match (old.unasked, new.unasked) {
            (false, true) => self.unasked(name, new),
            (true, false) => self.add(Direction::Stricter, format!("{} runs unasked no more at {name}", written(new))),
            _ => {}
        }
        for variable in added(&old.env, &new.env) {
            self.add(Direction::Looser, format!("who asks for {} at {name} may set {variable}", new.name));
        }
        for variable in added(&new.env, &old.env) {
            self.add(Direction::Stricter, format!("requests for {} at {name} may no longer set {variable}", new.name));
        }
    }
}

/// `/usr/bin/kubectl get {pods|events} -n {word}`
fn written(entry: &CommandEntry) -> String {
    listed(std::iter::once(entry.argv.iter().map(Argument::to_string).collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::super::meaning;
    use crate::policy::Policy;

    const SAMPLE: &str = include_str!("../../../assets/policy.toml");

    fn read(from: &str, to: &str) -> Policy {
        assert!(SAMPLE.contains(from), "{from}");
        Policy::parse("policy.toml", &SAMPLE.replacen(from, to, 1)).unwrap()
    }

    fn lines(old: &Policy, new: &Policy) -> Vec<String> {
        meaning(old, new).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_may_run_that_might_not_is_said_in_both_directions() {
        let get = "\"get\", \"{pods|events}\", \"-n\", \"{word}\"]\nunasked = true\n";
        let table = [
            ("level = \"L2\"", "level = \"L1\"", "▼ shop-prod demands level L1 instead of L2"),
            (
                "cooling = \"2m\"\nfresh",
                "cooling = \"0s\"\nfresh",
                "▼ what destroys at shop-prod cools for 0 seconds instead of 2 minutes",
            ),
            (
                "fresh = \"60s\"",
                "fresh = \"10m\"",
                "▼ the ledger may be read at shop-prod before 10 minutes instead of 1 minute",
            ),
            ("start = \"call\"", "start = \"authorized\"", "▼ an authorized command at shop-prod starts at once"),
            ("freeze = [\"peak\"]", "", "▼ shop-prod is open in the freeze peak"),
            ("operator = true, ", "", "▲ the operator does not count for break-glass at shop-prod"),
            ("pending = 5", "pending = 9", "▼ open requests of one operator at shop-prod: 9 instead of 5"),
            ("\"PGAPPNAME\"", "", "▲ requests for migrate at shop-prod may no longer set PGAPPNAME"),
            (
                get,
                &get.replace("unasked = true\n", ""),
                "▲ /usr/bin/kubectl get {pods|events} -n {word} runs unasked no more at shop-prod",
            ),
            (
                "{pods|events}",
                "{pods|secrets}",
                "· pods at shop-prod is /usr/bin/kubectl get {pods|secrets} -n {word} instead of /usr/bin/kubectl get {pods|events} -n {word}",
            ),
        ];
        let before = read("", "");
        for (from, to, wanted) in table {
            let after = read(from, to);
            assert_eq!(lines(&before, &after), [wanted], "{from}");
            assert_eq!(lines(&after, &before).len(), 1, "{from}");
        }
        let delete = SAMPLE.to_owned()
            + "\n[[target.shop-prod.command]]\nname = \"delete\"\nargv = [\"/usr/bin/kubectl\", \"delete\", \"{word}\"]\nunasked = true\n";
        let after = Policy::parse("policy.toml", &delete).unwrap();
        assert_eq!(lines(&before, &after), ["▼ /usr/bin/kubectl delete {word} may now run unasked at shop-prod"]);
        assert_eq!(lines(&after, &before), ["▲ /usr/bin/kubectl delete {word} counts as destructive at shop-prod"]);
    }

    #[test]
    fn a_target_that_comes_is_looser_and_one_that_goes_is_stricter() {
        let whole = read("", "");
        let none = Policy::parse("policy.toml", &SAMPLE[..SAMPLE.find("[target.shop-prod]").unwrap()]).unwrap();
        assert_eq!(lines(&whole, &none), ["▲ the target shop-prod is gone: nothing is asked there"]);
        let said = lines(&none, &whole);
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(said[0], "▼ the target shop-prod is new: what runs there needs 1 senior");
        assert!(said.iter().all(|line| line.starts_with('▼')), "{said:?}");
    }
}
