//! What applies to which workloads, found by one of their labels.

use std::collections::{BTreeMap, HashMap};

use crate::istio::LabelSelector;

/// Things of namespaces, each for the workloads that its selector names.
#[derive(Debug, Clone)]
pub struct Selection<T>(HashMap<String, Bucket<T>>);

#[derive(Debug, Clone)]
struct Bucket<T> {
    /// Those for every workload of the namespace.
    everywhere: Vec<T>,
    /// The others, by the first label that they ask for: key, then value.
    by_label: HashMap<String, HashMap<String, Vec<Selective<T>>>>,
}

#[derive(Debug, Clone)]
struct Selective<T> {
    /// The other labels.
    labels: Vec<(String, String)>,
    what: T,
}

impl<T> Default for Selection<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Selection<T> {
    /// Adds what applies to the workloads of `namespace` that `selector` names; to all when it names none
    /// (istio `pilot/pkg/model/policyattachment.go`, `isSelected`).
    pub fn add(&mut self, namespace: &str, selector: Option<&LabelSelector>, what: T) {
        let new = || Bucket { everywhere: vec![], by_label: HashMap::new() };
        let bucket = self.0.entry(namespace.to_owned()).or_insert_with(new);
        let mut labels = selector.into_iter().flat_map(|it| &it.match_labels).map(|(k, v)| (k.clone(), v.clone()));
        match labels.next() {
            None => bucket.everywhere.push(what),
            Some((key, value)) => {
                let of_label = bucket.by_label.entry(key).or_default().entry(value).or_default();
                of_label.push(Selective { labels: labels.collect(), what });
            }
        }
    }

    /// What applies to a workload of `namespace`, or of the whole mesh when that is the root namespace.
    pub fn select<'s>(
        &'s self,
        namespace: &str,
        labels: &'s BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'s T> + use<'s, T> {
        self.0.get(namespace).into_iter().flat_map(move |bucket| {
            let has = |(key, value): &(String, String)| labels.get(key) == Some(value);
            let near = labels.iter().filter_map(|(key, value)| bucket.by_label.get(key)?.get(value)).flatten();
            let near = near.filter(move |it| it.labels.iter().all(has)).map(|it| &it.what);
            bucket.everywhere.iter().chain(near)
        })
    }
}
