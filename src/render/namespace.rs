//! The directory of a namespace, and the file that keeps it.

use super::manifest::{MANAGED_BY, MESHWRIGHT};
use super::output::Manifest;
use crate::istio::{ConfigMap, ObjectMeta, Resource, StringMap, to_yaml};

/// The name of the file that keeps a namespace's directory.
const KEEPER: &str = "configmap-meshwright.yaml";

const KEEPER_HEADER: &str = "\
# Kept by Meshwright: while this file is here, the directory is never empty, and a GitOps engine still prunes when the
# last manifest is taken away.
";

/// The namespace directory, `clusters/<provider>/<cluster>/<namespace>`, that the file at `path` stands in.
#[must_use]
pub fn namespace_directory(path: &str) -> Option<&str> {
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    let end = slashes.nth(3)?;
    let complete = path.split('/').take(5).all(|segment| !segment.is_empty());
    (path.starts_with("clusters/") && complete).then(|| &path[..end])
}

/// Whether this is the file that keeps a namespace's directory: it is never removed, and its bytes depend on its path
/// alone.
#[must_use]
pub fn is_namespace_file(path: &str, bytes: &[u8]) -> bool {
    let keeper =
        namespace_directory(path).filter(|directory| path.strip_prefix(*directory) == Some(&format!("/{KEEPER}")));
    keeper.and_then(namespace_file).is_some_and(|file| file.text.as_bytes() == bytes)
}

/// The file that keeps a namespace's directory.
pub(super) fn namespace_file(directory: &str) -> Option<Manifest> {
    let namespace = directory.split('/').nth(3)?;
    let metadata = ObjectMeta {
        name: MESHWRIGHT.into(),
        namespace: namespace.into(),
        labels: StringMap::from([(MANAGED_BY.into(), MESHWRIGHT.into())]),
        annotations: StringMap::new(),
    };
    let data = StringMap::from([("directory".into(), directory.into())]);
    let resource = Resource::new(metadata, ConfigMap { data, ..ConfigMap::default() });
    let text = format!("{KEEPER_HEADER}{}", to_yaml(&resource));
    Some(Manifest {
        path: format!("{directory}/{KEEPER}"),
        text,
        resource: resource.into(),
        intents: vec![],
        plugin: "".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_directory_has_four_segments() {
        let directory = Some("clusters/gke/east/shop");
        assert_eq!(namespace_directory("clusters/gke/east/shop/cart/gateway-x.yaml"), directory);
        assert_eq!(namespace_directory("clusters/gke/east/shop/configmap-meshwright.yaml"), directory);
        for other in ["clusters/gke/east/shop", "clusters/gke//shop/x", "intents/a/b/c/d", ""] {
            assert_eq!(namespace_directory(other), None, "{other}");
        }
    }

    #[test]
    fn the_namespace_file_is_known_by_path_and_bytes() {
        let file = namespace_file("clusters/gke/east/shop").unwrap();
        assert!(is_namespace_file(&file.path, file.text.as_bytes()));
        assert!(!is_namespace_file(&file.path, b"kind: ConfigMap\n"));
        assert!(!is_namespace_file(&file.path.replace("shop", "cart"), file.text.as_bytes()));
        assert!(!is_namespace_file("clusters/gke/east/shop/cart/configmap-meshwright.yaml", file.text.as_bytes()));
    }
}
