//! Paths below `/v2/` that lead into the tree of intents.

use std::sync::LazyLock;

use super::metrics::Template;
use super::problem::{Problem, UNREADABLE};
use crate::change::Ledger;
use crate::intent::{Anchor, KINDS, Kind, PathError, Route, Tree};

/// What is asked of a resource as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Approve,
    Instantiate,
    Terminate,
    Status,
}

impl Call {
    /// What a resource of `kind` can be asked.
    pub(super) fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::DeploymentIntentGroup => &[Self::Approve, Self::Instantiate, Self::Terminate, Self::Status],
            Kind::LogicalCloud => &[Self::Instantiate, Self::Terminate],
            _ => &[],
        }
    }

    /// The last segment of its path.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Instantiate => "instantiate",
            Self::Terminate => "terminate",
            Self::Status => "status",
        }
    }
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A resource or a collection.
    Route(Route),
    /// A call of a resource.
    Call(Anchor, Call),
}

impl Address {
    /// Reads a path below `/v2/`.
    pub(super) fn parse(path: &str) -> Result<Self, PathError> {
        if let Some((head, last)) = path.rsplit_once('/')
            && let Some(call) = Call::of(Kind::DeploymentIntentGroup).iter().find(|call| call.as_str() == last)
            && let Ok(Route::Item(anchor)) = Route::parse(head)
            && Call::of(anchor.kind()).contains(call)
        {
            return Ok(Self::Call(anchor, *call));
        }
        Route::parse(path).map(Self::Route)
    }

    /// The template that the path fits.
    pub(super) fn template(&self) -> Template {
        let (kind, place) = match self {
            Self::Route(Route::Collection(_, kind)) => (*kind, 0),
            Self::Route(Route::Item(anchor)) => (anchor.kind(), 1),
            Self::Call(anchor, call) => (anchor.kind(), 2 + *call as usize),
        };
        TEMPLATES.get(kind as usize).and_then(|of| of.get(place)).map_or("none", String::as_str)
    }
}

/// What is wrong with a path, for whoever asked for it.
pub(super) fn nowhere(error: &PathError) -> Problem {
    Problem::not_found(format!("The path leads nowhere: {error}."))
}

/// What of the path to `anchor` does not exist: the first of it. Where its file cannot be read, that is not known.
pub(super) fn missing(view: &Ledger, tree: &Tree, anchor: &Anchor) -> Problem {
    if let Some(why) = view.base.unreadable(anchor) {
        return Problem::new(&UNREADABLE, why);
    }
    let first = anchor.lineage().filter(|anchor| tree.get(anchor).is_none()).last();
    let first = first.as_ref().unwrap_or(anchor);
    let proposed = if view.proposed.get(first).is_some() {
        " on main yet; leave view=live out to see what is proposed"
    } else {
        ""
    };
    Problem::not_found(format!("There is no {} `{first}`{proposed}.", first.kind()))
}

/// By kind: the templates of its collection, its item, and each call.
static TEMPLATES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let all = Call::of(Kind::DeploymentIntentGroup);
    KINDS
        .iter()
        .map(|entry| {
            let (collection, item) = (collection_template(entry.kind), item_template(entry.kind));
            let calls = all.iter().map(|call| format!("{item}/{}", call.as_str()));
            [collection, item.clone()].into_iter().chain(calls).collect()
        })
        .collect()
});

/// The template of the path of a kind's collection.
pub(super) fn collection_template(kind: Kind) -> String {
    let entry = kind.entry();
    let parent = entry.parent.map_or_else(|| "/v2".to_owned(), item_template);
    format!("{parent}/{}", entry.collection)
}

/// The template of the path of one resource of a kind.
pub(super) fn item_template(kind: Kind) -> String {
    let names: String = parameters(kind).iter().map(|name| format!("/{{{name}}}")).collect();
    format!("{}{names}", collection_template(kind))
}

/// The names of the parameters that stand for one resource of a kind.
pub(super) fn parameters(kind: Kind) -> Vec<String> {
    let mut words = kind.entry().title.split([' ', '-']);
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    let version = (kind.name_segments() == 2).then(|| "version".to_owned());
    std::iter::once(name).chain(version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "projects/p/composite-apps/a/v/deployment-intent-groups";

    #[test]
    fn a_call_is_told_from_a_resource_that_bears_its_name() {
        let template = |path: &str| Address::parse(path).unwrap().template();
        let group = "/v2/projects/{project}/composite-apps/{compositeApp}/{version}/deployment-intent-groups";
        assert_eq!(template(GROUP), group);
        assert_eq!(template(&format!("{GROUP}/approve")), format!("{group}/{{deploymentIntentGroup}}"));
        for call in ["approve", "instantiate", "terminate", "status"] {
            let path = format!("{GROUP}/approve/{call}");
            assert_eq!(template(&path), format!("{group}/{{deploymentIntentGroup}}/{call}"));
        }
        assert_eq!(
            template("projects/p/logical-clouds/lc/terminate"),
            "/v2/projects/{project}/logical-clouds/{logicalCloud}/terminate"
        );
        assert_eq!(
            template("projects/p/composite-apps/a/status"),
            "/v2/projects/{project}/composite-apps/{compositeApp}/{version}"
        );
    }

    #[test]
    fn other_resources_have_no_calls() {
        for path in
            ["projects/p/approve", "projects/p/logical-clouds/lc/status", "projects/p/logical-clouds/lc/approve"]
        {
            assert!(Address::parse(path).is_err(), "{path}");
        }
    }
}
