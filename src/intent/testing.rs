//! What tests of many rooms say: resources and trees from text.

use super::{Anchor, Bundle, Resource, Tree};

/// The resource at `path` with this JSON body.
pub(crate) fn resource(path: &str, body: &str) -> Resource {
    let anchor = Anchor::parse(path).unwrap();
    let body = serde_json::from_str(body).unwrap();
    let read = Resource::read(anchor.parent().as_ref(), anchor.kind(), &body).unwrap();
    assert_eq!(read.anchor(), &anchor);
    read
}

/// The tree that posting a bundle gives.
pub(crate) fn tree(bundle: &str) -> Tree {
    let bundle = Bundle::read(bundle).unwrap_or_else(|rejected| panic!("{:?}", rejected[0]));
    let mut documents = bundle.documents;
    documents.sort_by(|a, b| a.resource.anchor().cmp(b.resource.anchor()));
    let mut tree = Tree::default();
    for document in documents {
        tree.put(document.resource);
    }
    tree
}
