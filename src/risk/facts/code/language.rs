//! What the nodes of a grammar mean to the walk.

use tree_sitter::Node;

use crate::grammar::Grammar;

/// A reference to a child of a node: the name of a field; `=kind`, the first named child of that kind; `@1`, a named
/// child by its index from 0, without comments, `@-1` the last one; `a/b`, a part of a part; `a|b`, the first that
/// exists. The empty reference is no child.
pub(super) type Part = &'static str;

/// What a node of a kind is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Comment,
    /// A literal text, with its interpolations.
    Text,
    /// Names joined: `a.b`, `a::b`.
    Path,
    /// `a[b]`.
    Index,
    /// It is equivalent to its first child: `(a)`, `await a`, `a!`, a statement of an expression.
    Wrapper,
    /// The name is the whole callee, or the method of the receiver.
    Call {
        receiver: Part,
        name: Part,
        arguments: Part,
    },
    /// A literal whose fields belong to a type: `http.Client{Timeout: t}`.
    Literal {
        name: Part,
    },
    /// A literal of keys and values.
    Map,
    List,
    /// A key with its value; without a key, it is equivalent to its value.
    Named {
        key: Part,
        value: Part,
    },
    /// A key whose value is the variable of that name.
    Shorthand,
    Assignment {
        target: Part,
        value: Part,
    },
    /// With a default, if it has one.
    Parameter {
        name: Part,
        value: Part,
    },
    /// Two operands: `a || b`, `a + b`.
    Choice {
        left: Part,
        right: Part,
    },
    Function {
        name: Part,
        body: Part,
    },
    Closure {
        body: Part,
    },
    Type {
        name: Part,
        body: Part,
    },
    /// A container of names that is not a type: a namespace, an `impl`.
    Scope {
        name: Part,
    },
    /// A field of a type, or a value of an enumeration.
    Member {
        name: Part,
        value: Part,
    },
    /// Statements, one after the other.
    Block,
    If {
        condition: Part,
        then: Part,
        otherwise: Part,
    },
    /// Its block runs if the condition is false.
    Unless {
        condition: Part,
        then: Part,
        otherwise: Part,
    },
    /// While a condition is true, or over a collection; without either it never ends.
    Loop {
        condition: Part,
        over: Part,
        body: Part,
    },
    Handler {
        caught: Part,
        body: Part,
    },
    /// `return`, `throw`, `continue` and their kin.
    Leave,
    Decorator {
        name: Part,
    },
    /// A keyword that says how a variable is shared: `volatile`.
    Modifier,
    /// What is held while a block runs: `with`, `synchronized`, `lock`. Named by the subject, or else by the keyword.
    Hold {
        word: &'static str,
        subject: Part,
    },
    Assert {
        condition: Part,
    },
}

/// How a language marks a definition as public.
#[derive(Debug, Clone, Copy)]
pub(super) enum Public {
    /// All but names that begin with an underscore.
    NoUnderscore,
    /// Names that begin with a capital.
    Capital,
    /// `export` is before it or before its class, and in a class it is not `private` or `protected`.
    Exported,
    /// One of these words is before it.
    Marked(&'static [&'static str]),
    /// None of these words is before it.
    Unless(&'static [&'static str]),
}

/// A language, as a table.
pub(super) struct Language {
    pub grammar: &'static Grammar,
    pub roles: &'static [(&'static str, Role)],
    pub public: Public,
    /// `'a'` and `"a"` are the same.
    pub has_alike_quotes: bool,
    /// Functions whose call is a condition for what follows: `require`, everything in `Preconditions.`.
    pub guards: &'static [&'static str],
    /// The prefix of the names of test functions.
    pub test_prefixes: &'static [&'static str],
    /// Names of functions whose arguments are the title and the body of a test.
    pub test_calls: &'static [&'static str],
}

/// A language, ready for use.
pub(super) struct Syntax {
    pub language: &'static Language,
    /// By the number of a kind.
    roles: Vec<Option<Role>>,
    /// The numbers of fields by their names, in the order of these: the grammar compares a name with each of its own.
    fields: Vec<(Box<str>, u16)>,
}

impl Syntax {
    pub fn of(language: &'static Language) -> Syntax {
        let grammar = language.grammar.language();
        let mut roles = vec![None; grammar.node_kind_count()];
        for (id, role) in roles.iter_mut().enumerate() {
            let kind = u16::try_from(id).ok().and_then(|id| grammar.node_kind_for_id(id));
            let row = kind.and_then(|kind| language.roles.iter().find(|(name, _)| *name == kind));
            *role = row.map(|(_, role)| *role);
        }
        let names = (1..=grammar.field_count()).filter_map(|id| u16::try_from(id).ok());
        let named = names.filter_map(|id| Some((Box::from(grammar.field_name_for_id(id)?), id)));
        let mut fields: Vec<(Box<str>, u16)> = named.collect();
        fields.sort_unstable();
        Syntax { language, roles, fields }
    }

    pub fn role(&self, node: Node) -> Option<Role> {
        let role = *self.roles.get(usize::from(node.kind_id()))?;
        role.filter(|role| node.is_named() || matches!(role, Role::Modifier))
    }

    /// The part of a node, if it exists.
    pub fn part<'t>(&self, node: Node<'t>, part: Part) -> Option<Node<'t>> {
        // Most are the name of a field.
        if part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return node.child_by_field_id(self.field(part)?);
        }
        part.split('|')
            .filter(|path| !path.is_empty())
            .find_map(|path| path.split('/').try_fold(node, |node, step| self.step(node, step)))
    }

    fn step<'t>(&self, node: Node<'t>, step: &str) -> Option<Node<'t>> {
        match (step.strip_prefix('='), step.strip_prefix('@')) {
            (Some(kind), _) => node.named_children(&mut node.walk()).find(|child| child.kind() == kind),
            (_, Some("-1")) => self.said(node).last().copied(),
            (_, Some(place)) => self.said(node).get(place.parse::<usize>().ok()?).copied(),
            _ => node.child_by_field_id(self.field(step)?),
        }
    }

    fn field(&self, name: &str) -> Option<u16> {
        let at = self.fields.binary_search_by(|(own, _)| (**own).cmp(name)).ok()?;
        Some(self.fields[at].1)
    }

    /// The named children of a node, without comments.
    pub fn said<'t>(&self, node: Node<'t>) -> Vec<Node<'t>> {
        if node.child_count() == 0 {
            return Vec::new();
        }
        let mut cursor = node.walk();
        let children = node.named_children(&mut cursor);
        children.filter(|child| !matches!(self.role(*child), Some(Role::Comment))).collect()
    }
}
