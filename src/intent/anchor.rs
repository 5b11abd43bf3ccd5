//! Anchors: the path of a resource, which is its identity.

use std::fmt;
use std::sync::Arc;

use super::kind::{Kind, KindEntry};
use super::name::Name;

/// The path of one resource below `/v2/`, in canonical form, such as
/// `projects/shop/composite-apps/boutique/v1/apps/cart`.
///
/// Anchors sort so that everything below a resource follows it in one run.
#[derive(Clone)]
pub struct Anchor {
    path: Arc<str>,
    kind: Kind,
}

/// A path read against the table of kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// One resource.
    Item(Anchor),
    /// All resources of a kind under one parent; none at the top.
    Collection(Option<Anchor>, Kind),
}

/// Why a path names no resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A segment is not a collection of the table.
    #[error("there is no collection `{segment}` here; known: {known}")]
    UnknownCollection {
        /// What stands in the path.
        segment: String,
        /// What could stand there.
        known: String,
    },
    /// A name breaks the rule for names.
    #[error("`{segment}`: {message}")]
    BadName {
        /// What stands in the path.
        segment: String,
        /// What is wrong with it.
        message: String,
    },
    /// A composite app without its version.
    #[error("a composite app is addressed as composite-apps/<name>/<version>")]
    NoVersion,
}

impl Route {
    /// Reads a path such as `projects/shop/composite-apps`, without a leading or trailing slash.
    ///
    /// # Errors
    /// Where the path leaves the table, with what could stand there.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let mut segments = path.split('/').peekable();
        let mut anchor = String::with_capacity(path.len());
        let mut kind: Option<Kind> = None;
        loop {
            let segment = segments.next().unwrap_or_default();
            let entry = collection(kind, segment)?;
            if segments.peek().is_none() {
                let parent = kind.map(|kind| Anchor { path: anchor.into(), kind });
                return Ok(Self::Collection(parent, entry.kind));
            }
            let name = segments.next().unwrap_or_default();
            let version = match entry.kind.name_segments() {
                2 => Some(segments.next().ok_or(PathError::NoVersion)?),
                _ => None,
            };
            let name = read_name(name)?;
            let version = version.map(read_name).transpose()?;
            descend(&mut anchor, entry.kind, &name, version.as_ref());
            if segments.peek().is_none() {
                return Ok(Self::Item(Anchor { path: anchor.into(), kind: entry.kind }));
            }
            kind = Some(entry.kind);
        }
    }
}

/// Appends what leads from a resource to one of those right below it.
fn descend(path: &mut String, kind: Kind, name: &Name, version: Option<&Name>) {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(kind.entry().collection);
    for name in [Some(name), version].into_iter().flatten() {
        path.push('/');
        path.push_str(name.as_str());
    }
}

/// The path and kind of what a resource lives under; none at the top.
fn ascend(path: &str, kind: Kind) -> Option<(&str, Kind)> {
    let parent = kind.entry().parent?;
    let (path, _) = collection_of(path, kind).rsplit_once('/')?;
    Some((path, parent))
}

/// The path of the collection that a resource is posted to.
fn collection_of(path: &str, kind: Kind) -> &str {
    (0..kind.name_segments()).fold(path, |rest, _| rest.rsplit_once('/').map_or("", |(head, _)| head))
}

fn read_name(segment: &str) -> Result<Name, PathError> {
    Name::parse(segment).map_err(|message| PathError::BadName { segment: segment.chars().take(140).collect(), message })
}

fn collection(parent: Option<Kind>, segment: &str) -> Result<&'static KindEntry, PathError> {
    Kind::under(parent).find(|entry| entry.collection == segment || entry.alias == Some(segment)).ok_or_else(|| {
        let known: Vec<_> = Kind::under(parent).map(|entry| entry.collection).collect();
        let known = if known.is_empty() { "nothing lives below it".into() } else { known.join(", ") };
        PathError::UnknownCollection { segment: segment.chars().take(140).collect(), known }
    })
}

impl Anchor {
    /// The anchor of `name` in the collection of `kind` below `parent`; `version` is a composite app's.
    #[must_use]
    pub fn below(parent: Option<&Self>, kind: Kind, name: &Name, version: Option<&Name>) -> Self {
        let mut path = parent.map(|parent| parent.path.to_string()).unwrap_or_default();
        descend(&mut path, kind, name, version);
        Self { path: path.into(), kind }
    }

    /// Reads the path of one resource.
    ///
    /// # Errors
    /// When it is not the path of one resource of the table, with what is wrong.
    pub fn parse(path: &str) -> Result<Self, String> {
        match Route::parse(path) {
            Ok(Route::Item(anchor)) => Ok(anchor),
            Ok(Route::Collection(..)) => Err(format!("`{path}` is a collection, not one resource")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// An anchor that sorts before every other; the start of a range.
    pub(super) fn least() -> Self {
        Self { path: "".into(), kind: Kind::Project }
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// The kind of the resource.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The resource's own name; a composite app's without its version.
    #[must_use]
    pub fn name(&self) -> &str {
        let mut segments = self.path.rsplit('/');
        if self.kind.name_segments() == 2 {
            segments.next();
        }
        segments.next().unwrap_or_default()
    }

    /// The path of the collection that it is posted to.
    #[must_use]
    pub fn collection(&self) -> &str {
        collection_of(&self.path, self.kind)
    }

    /// The resource that this one lives under; none at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        ascend(&self.path, self.kind).map(|(path, kind)| Self { path: path.into(), kind })
    }

    /// This resource and all that it lives under, nearest first.
    pub fn lineage(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// The nearest of this resource and all that it lives under that is of `kind`.
    #[must_use]
    pub fn ancestor(&self, kind: Kind) -> Option<Self> {
        if self.kind == kind {
            return Some(self.clone());
        }
        let mut above = std::iter::successors(ascend(&self.path, self.kind), |(path, kind)| ascend(path, *kind));
        above.find(|(_, found)| *found == kind).map(|(path, kind)| Self { path: path.into(), kind })
    }

    /// Whether this resource is `other` or lives somewhere below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.path.strip_prefix(&*other.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The project it belongs to, if any.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.path.strip_prefix("projects/")?.split('/').next()
    }
}

/// Compares paths segment by segment, so that `a/b` sorts before `a-c` and everything below `a` stays together.
fn order(left: &str, right: &str) -> std::cmp::Ordering {
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    let (left, right) = (left.as_bytes(), right.as_bytes());
    // Anchors share long beginnings: most of the tree's work is to pass over them.
    let ((left_blocks, _), (right_blocks, _)) = (left.as_chunks::<16>(), right.as_chunks::<16>());
    let equal = 16 * left_blocks.iter().zip(right_blocks).take_while(|(left, right)| left == right).count();
    let mut rest = left[equal..].iter().zip(&right[equal..]);
    match rest.find(|(left, right)| left != right) {
        Some((left, right)) => rank(left).cmp(&rank(right)),
        None => left.len().cmp(&right.len()),
    }
}

impl PartialEq for Anchor {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Anchor {}

impl PartialOrd for Anchor {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Anchor {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        order(&self.path, &other.path)
    }
}

impl std::hash::Hash for Anchor {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.path.hash(state);
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl fmt::Debug for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.path, f)
    }
}

impl serde::Serialize for Anchor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.path)
    }
}

impl<'de> serde::Deserialize<'de> for Anchor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        Self::parse(&path).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS_POINT: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/\
        traffic-group-intents/web/inbound-intents/cart/clients/frontend/access-points/read";

    #[test]
    fn a_path_is_read_against_the_table() {
        let anchor = Anchor::parse(ACCESS_POINT).unwrap();
        assert_eq!((anchor.kind(), anchor.name(), anchor.project()), (Kind::AccessPoint, "read", Some("shop")));
        let kinds: Vec<_> = anchor.lineage().map(|a| a.kind()).collect();
        assert_eq!(kinds.last(), Some(&Kind::Project));
        let app = anchor.ancestor(Kind::CompositeApp).unwrap();
        assert_eq!((app.name(), app.collection()), ("boutique", "projects/shop/composite-apps"));
        assert_eq!(app.parent().unwrap().as_str(), "projects/shop");
    }

    #[test]
    fn aliases_lead_to_the_same_resource() {
        assert_eq!(Anchor::parse("controllers/dns").unwrap().as_str(), "dtc-controllers/dns");
    }

    #[test]
    fn a_path_that_leaves_the_table_says_what_could_stand_there() {
        for (path, part) in [
            ("nowhere", "known: projects, cluster-providers, dtc-controllers"),
            ("projects/a/apps", "known: logical-clouds, composite-apps"),
            ("projects/a/composite-apps/b", "<name>/<version>"),
            ("projects//composite-apps", "must not be empty"),
            ("projects/a/", "no collection ``"),
            ("", "no collection ``"),
        ] {
            let error = Route::parse(path).unwrap_err().to_string();
            assert!(error.contains(part), "{path}: {error}");
        }
    }

    #[test]
    fn all_below_a_resource_sorts_right_behind_it() {
        let mut anchors: Vec<_> = ["projects/a-b", "projects/a/logical-clouds/x", "projects/a", "projects/a.b"]
            .map(|path| Anchor::parse(path).unwrap())
            .into();
        anchors.sort();
        let sorted: Vec<_> = anchors.iter().map(Anchor::as_str).collect();
        assert_eq!(sorted, ["projects/a", "projects/a/logical-clouds/x", "projects/a-b", "projects/a.b"]);
    }
}
