//! Whether a workload takes plain text: PeerAuthentication and its inheritance.

use super::{Destination, Mesh, Proxy, attachment, condition};
use crate::istio::{MutualTls, MutualTlsMode, ObjectMeta, PeerAuthentication};

/// What a port of a workload asks of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tls {
    /// Plain text only: nobody is known.
    Disabled,
    /// Both.
    Permissive,
    /// Mutual TLS only.
    Strict,
}

/// What a port asks of connections, and which PeerAuthentication says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// What it asks.
    pub tls: Tls,
    /// `namespace/name`; none for what Istio does unasked.
    pub by: Option<String>,
    /// Other PeerAuthentications that may hold as well, because of several in one scope the oldest holds, which Git does not
    /// know: each with the mode that it asks for, which is not `tls`.
    pub contested: Vec<(String, Tls)>,
}

/// The settings of one PeerAuthentication.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    name: String,
    namespace: String,
    has_selector: bool,
    mtls: Option<Tls>,
    ports: Vec<(u16, Option<Tls>)>,
}

impl Setting {
    pub(super) fn of(metadata: &ObjectMeta, namespace: &str, policy: &PeerAuthentication) -> Self {
        let ports = policy.port_level_mtls.iter();
        Self {
            name: metadata.name.clone(),
            namespace: namespace.to_owned(),
            has_selector: policy.selector.as_ref().is_some_and(|selector| !selector.match_labels.is_empty()),
            mtls: mode(policy.mtls.as_ref()),
            ports: ports.filter_map(|(port, mtls)| Some((condition::port(port)?, mode(Some(mtls))))).collect(),
        }
    }

    /// Whether it is one of these, by namespace and name.
    pub(super) fn is(&self, one: impl Fn(&str, &str) -> bool) -> bool {
        one(&self.namespace, &self.name)
    }

    fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The mode of the port, else the one for all ports. Where none is said for all, ports that are permissive are all that
    /// ztunnel is told of (istio `pilot/pkg/serviceregistry/ambient/authorization.go`, `convertedSelectorPeerAuthentications`).
    fn at(&self, to: &Destination) -> Option<Tls> {
        let own = self.ports.iter().find(|(number, _)| Some(*number) == to.port).filter(|_| self.has_selector);
        let own = own.and_then(|(_, tls)| *tls);
        let untold = to.proxy == Proxy::Ztunnel && self.mtls.is_none();
        own.filter(|tls| !untold || *tls != Tls::Disabled).or(self.mtls)
    }
}

fn mode(mtls: Option<&MutualTls>) -> Option<Tls> {
    match mtls?.mode.as_ref()? {
        MutualTlsMode::Disable => Some(Tls::Disabled),
        MutualTlsMode::Permissive => Some(Tls::Permissive),
        MutualTlsMode::Strict => Some(Tls::Strict),
        MutualTlsMode::Unset | MutualTlsMode::Other(_) => None,
    }
}

/// What a port asks of connections: the workload before the namespace before the mesh, what is unset inherited; of several
/// in one scope the first by name, as Istio takes it where all are equally old
/// (istio `pilot/pkg/security/authn/policy_applier.go`, `ComposePeerAuthentication`).
///
/// Gateways have none of it: their servers say what they ask of connections. `of` gives the settings of a namespace for the
/// workload.
pub(super) fn mode_of<'s>(of: impl Fn(&str) -> Vec<&'s Setting>, mesh: &Mesh, to: &Destination) -> Mode {
    if attachment::is_gateway(to) {
        return Mode { tls: Tls::Permissive, by: None, contested: vec![] };
    }
    let (own, root) = (of(&to.namespace), mesh.root_namespace.as_str());
    let is_root = to.namespace == root;
    let of_mesh = if is_root { own.clone() } else { of(root) };
    let scopes = [
        own.iter().copied().filter(|it| it.has_selector && !is_root).collect(),
        own.iter().copied().filter(|it| !it.has_selector && !is_root).collect(),
        of_mesh.into_iter().filter(|it| !it.has_selector).collect::<Vec<_>>(),
    ];
    let mut mode = Mode { tls: Tls::Permissive, by: None, contested: vec![] };
    for mut scope in scopes.into_iter().rev() {
        scope.sort_by_key(|it| format!("{}.{}", it.name, it.namespace));
        let Some((first, others)) = scope.split_first() else { continue };
        let inherited = mode.tls;
        let tls = first.at(to).unwrap_or(inherited);
        let others = others.iter().map(|it| (it.full_name(), it.at(to).unwrap_or(inherited)));
        let mut contested: Vec<(String, Tls)> = others.collect();
        if scope.iter().any(|it| it.at(to).is_none()) {
            contested.append(&mut mode.contested);
        }
        contested.retain(|(_, other)| *other != tls);
        let by = if first.at(to).is_some() { Some(first.full_name()) } else { mode.by };
        mode = Mode { tls, by, contested };
    }
    mode
}
