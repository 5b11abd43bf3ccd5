//! The policies of a cluster, and what they decide about one request.

use serde::{Deserialize, Serialize};

use super::attachment;
use super::compiled::Compiled;
use super::facts::Facts;
use super::mutual_tls::{Setting, mode_of};
use super::selection::Selection;
use super::{Destination, Mesh, Mode, Proxy, Request, Tls, is_enforced, ztunnel};
use crate::istio::{Action, AuthorizationPolicy, PolicyTargetReference, Resource, Rule, Spec};

/// Whether a request is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is.
    Allow,
    /// It is turned away.
    Deny,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Self::Allow { "allow" } else { "deny" })
    }
}

/// What is decided about a request, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether it is let through.
    pub verdict: Verdict,
    /// The AuthorizationPolicy whose rule matched, as `namespace/name`; none where no rule did: nothing guards the workload,
    /// or no ALLOW policy lets the request in.
    pub policy: Option<String>,
    /// The index of that rule, from 0.
    pub rule: Option<usize>,
    /// The external authorizer that a CUSTOM policy asks. The request passes everything else, and is turned away only as
    /// long as this authorizer is not known to let it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<String>,
    /// The PeerAuthentication, as `namespace/name`, that refuses plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_authentication: Option<String>,
    /// Why the proxy itself turns the request away, before any policy is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<&'static str>,
    /// What of the policies that select the workload its ztunnel does not enforce, though it would turn requests away: as
    /// `namespace/name`, with `#` and the index of a rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_enforced: Vec<String>,
    /// Why it may be otherwise in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsure: Option<String>,
}

/// The verdict, and what it is due to.
impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = self.verdict;
        if let Some(why) = self.refused {
            return write!(f, "{verdict}, as {why}");
        }
        match (&self.policy, self.rule, &self.peer_authentication) {
            (Some(policy), Some(rule), _) => write!(f, "{verdict}, by rule {rule} of {policy}"),
            (Some(policy), None, _) | (None, _, Some(policy)) => write!(f, "{verdict}, by {policy}"),
            (None, ..) if verdict == Verdict::Allow => write!(f, "{verdict}, as no policy keeps it out"),
            (None, ..) => write!(f, "{verdict}, as no rule lets it in"),
        }
    }
}

impl Decision {
    pub(super) fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            policy: None,
            rule: None,
            external: None,
            peer_authentication: None,
            refused: None,
            not_enforced: vec![],
            unsure: None,
        }
    }
}

/// The policies of one cluster, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    mesh: Mesh,
    all: Vec<Policy>,
    /// Indices into `all`.
    selection: Selection<usize>,
    modes: Selection<Setting>,
    /// Indices into `all` of those that are attached to services.
    of_services: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Policy {
    /// The beginning of the names that its rules have in a proxy.
    order: String,
    full_name: String,
    namespace: String,
    action: Action,
    provider: Option<String>,
    targets: Vec<PolicyTargetReference>,
    /// By index, none where Istio passes over it; in the order of their names in a proxy.
    rules: Vec<(usize, Option<Compiled>)>,
    /// As they are written.
    written: Vec<Rule>,
}

impl Policies {
    /// Takes in the policies among `resources`; those without a namespace are of `default`. Whatever is only watched, or
    /// marks for the audit log, decides nothing and is left out.
    #[must_use]
    pub fn new<'a>(mesh: Mesh, resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let in_default = |resource: &'a Resource| match resource.metadata.namespace.as_str() {
            "" => ("default", resource),
            namespace => (namespace, resource),
        };
        Self::placed(mesh, resources.into_iter().map(in_default))
    }

    /// The same of resources that stand beside the namespace they are applied to.
    #[must_use]
    pub fn placed<'a>(mesh: Mesh, resources: impl IntoIterator<Item = (&'a str, &'a Resource)>) -> Self {
        let mut policies = Self { mesh, ..Self::default() };
        let mut selectors = vec![];
        for (namespace, resource) in resources {
            match &resource.spec {
                Spec::AuthorizationPolicy(policy) if is_enforced(&resource.metadata) && decides(policy) => {
                    let name = &resource.metadata.name;
                    selectors.push((Policy::of(policy, name, namespace, &policies.mesh), policy.selector.as_ref()));
                }
                Spec::PeerAuthentication(policy) => {
                    let setting = Setting::of(&resource.metadata, namespace, policy);
                    policies.modes.add(namespace, policy.selector.as_ref(), setting);
                }
                _ => {}
            }
        }
        selectors.sort_by(|(one, _), (other, _)| one.order.cmp(&other.order));
        for (index, (policy, selector)) in selectors.into_iter().enumerate() {
            policies.selection.add(&policy.namespace, selector, index);
            if attachment::is_of_services(&policy.targets) {
                policies.of_services.push(index);
            }
            policies.all.push(policy);
        }
        policies
    }

    /// Decides about a request as the sidecar of its destination does: CUSTOM, then DENY, then ALLOW
    /// (istio `pilot/pkg/security/authz/builder/builder.go`).
    ///
    /// Of several rules that match the one is named whose name in the proxy comes first, which is the one that the proxy
    /// names in its own logs: Envoy keeps rules in a `std::map` by `ns[…]-policy[…]-rule[…]`
    /// (`source/extensions/filters/common/rbac/engine_impl.h`).
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        let decision = self.by_age(request);
        let unsure = decision.unsure.clone().or_else(|| self.by_service(request, &decision));
        Decision { unsure, ..decision }
    }

    /// The same where an address that the request does not say is not known, rather than absent.
    #[must_use]
    pub fn decide_from_anywhere(&self, request: &Request) -> Decision {
        let decision = self.decide(request);
        let mode = self.mode(&request.to);
        let modes = std::iter::once(mode.tls).chain(mode.contested.iter().map(|(_, tls)| *tls));
        let mut of = modes.flat_map(|tls| {
            [Verdict::Allow, Verdict::Deny].map(|wish| self.under(request, tls, None, Some(wish)).verdict)
        });
        let first = of.next();
        if decision.unsure.is_some() || of.all(|verdict| Some(verdict) == first) {
            return decision;
        }
        let unsure = "it depends on an address that was not said: policies ask for it, and may decide otherwise";
        Decision { unsure: Some(unsure.to_owned()), ..decision }
    }

    /// Why a request may be decided otherwise by policies that are attached to services.
    fn by_service(&self, request: &Request, decision: &Decision) -> Option<String> {
        let is_first = request.to.proxy == Proxy::Ztunnel;
        let no_rule = decision.policy.is_none() && decision.refused.is_none() && decision.peer_authentication.is_none();
        let mut facts = None;
        self.of_services.iter().filter_map(|index| self.all.get(*index)).find_map(|policy| {
            let doubt = attachment::doubt(&policy.targets, &policy.namespace, &request.to)?;
            let matches = policy.first_match(facts.get_or_insert_with(|| Facts::of(request, true))).is_some();
            let turns = match (decision.verdict, &policy.action) {
                (Verdict::Allow, Action::Allow) => !matches && (is_first || no_rule),
                (Verdict::Allow, _) => matches,
                (Verdict::Deny, Action::Allow) => matches && !is_first && no_rule,
                (Verdict::Deny, _) => false,
            };
            turns.then(|| format!("{} {doubt}; it may be decided otherwise then", policy.full_name))
        })
    }

    /// Decides by the PeerAuthentications that come first by name.
    fn by_age(&self, request: &Request) -> Decision {
        let mode = self.mode(&request.to);
        let decision = self.under(request, mode.tls, mode.by.as_deref(), None);
        let differing = mode.contested.iter().find_map(|(other, tls)| {
            let otherwise = self.under(request, *tls, Some(other), None).verdict;
            (otherwise != decision.verdict).then_some((other, otherwise))
        });
        let Some((other, otherwise)) = differing else { return decision };
        let first = mode.by.as_deref().unwrap_or("another one");
        let unsure = format!(
            "the PeerAuthentications {first} and {other} disagree in one scope, where the oldest holds, which manifests do \
             not tell; it is {otherwise} if {other} is the older one"
        );
        Decision { unsure: Some(unsure), ..decision }
    }

    /// What a port of a workload asks of connections.
    #[must_use]
    pub fn mode(&self, to: &Destination) -> Mode {
        mode_of(|namespace| self.modes.select(namespace, &to.labels).collect(), &self.mesh, to)
    }

    /// Decides where a port asks for `tls`; where addresses that are not said are not known, and one verdict is wished for, as
    /// if they were what it takes.
    fn under(&self, request: &Request, tls: Tls, by: Option<&str>, wish: Option<Verdict>) -> Decision {
        if tls == Tls::Strict && request.from.principal.is_none() {
            return Decision { peer_authentication: by.map(str::to_owned), ..Decision::of(Verdict::Deny) };
        }
        if request.to.proxy == Proxy::Ztunnel {
            return self.at_ztunnel(request, wish);
        }
        let facts = Facts::of(request, tls != Tls::Disabled);
        if facts.is_malformed() {
            let refused = Some("the path has a NUL, which the proxy answers with 400");
            return Decision { refused, ..Decision::of(Verdict::Deny) };
        }
        let selected = self.selected(&request.to);
        let mut facts = facts;
        let mut matching = |action: Action| {
            facts.unsaid = fits(&action, wish);
            let mut of_action = selected.iter().filter(|it| it.action == action);
            of_action.find_map(|policy| Some((*policy, policy.first_match(&facts)?)))
        };
        let by = |verdict, (policy, rule): (&Policy, usize)| Decision {
            policy: Some(policy.full_name.clone()),
            rule: Some(rule),
            ..Decision::of(verdict)
        };
        if let Some(asked) = matching(Action::Custom).filter(|_| has_several_providers(&selected)) {
            return Decision { unsure: Some(SEVERAL_PROVIDERS.to_owned()), ..by(Verdict::Deny, asked) };
        }
        if let Some(denied) = matching(Action::Deny) {
            return by(Verdict::Deny, denied);
        }
        let allowed = match matching(Action::Allow) {
            Some(allowed) => by(Verdict::Allow, allowed),
            None if selected.iter().any(|policy| policy.action == Action::Allow) => return Decision::of(Verdict::Deny),
            None => Decision::of(Verdict::Allow),
        };
        match matching(Action::Custom) {
            Some(asked) => Decision { external: asked.0.provider.clone(), ..by(Verdict::Deny, asked) },
            None => allowed,
        }
    }

    /// Decides as ztunnel does: DENY, then ALLOW, of policies without targets. Who calls is known on any port that takes
    /// mutual TLS, which is all of them (ztunnel `src/rbac.rs`).
    fn at_ztunnel(&self, request: &Request, wish: Option<Verdict>) -> Decision {
        let selected: Vec<&Policy> =
            self.selected(&request.to).into_iter().filter(|policy| policy.targets.is_empty()).collect();
        let matching = |action: Action| {
            selected.iter().filter(|policy| policy.action == action).find_map(|policy| {
                let unsaid = fits(&action, wish);
                let is_met = |(rule, _): &&(usize, Option<Compiled>)| policy.matches_at_ztunnel(*rule, request, unsaid);
                Some((policy.full_name.clone(), policy.rules.iter().find(is_met)?.0))
            })
        };
        let (denied, allowed) = (matching(Action::Deny), matching(Action::Allow));
        let is_closed = selected.iter().any(|policy| policy.action == Action::Allow);
        let verdict = match (&denied, &allowed) {
            (Some(_), _) => Verdict::Deny,
            (None, None) if is_closed => Verdict::Deny,
            _ => Verdict::Allow,
        };
        let (policy, rule) = denied.or(allowed).unzip();
        let mut not_enforced: Vec<String> = selected.iter().flat_map(|policy| policy.unenforced()).collect();
        not_enforced.sort();
        Decision { policy, rule, not_enforced, ..Decision::of(verdict) }
    }

    /// The policies that guard a workload, in the order of their names in a proxy.
    fn selected(&self, to: &Destination) -> Vec<&Policy> {
        let root = self.mesh.root_namespace.as_str();
        let of = |namespace: &str| self.selection.select(namespace, &to.labels).copied().collect::<Vec<_>>();
        let mut selected = of(&to.namespace);
        if to.namespace != root {
            selected.extend(of(root));
        }
        if to.service().is_some_and(|(namespace, _)| namespace != to.namespace) {
            selected.extend(&self.of_services);
        }
        selected.sort_unstable();
        selected.dedup();
        let all = selected.into_iter().filter_map(|index| self.all.get(index));
        all.filter(|policy| attachment::is_attached(&policy.targets, &policy.namespace, to, root)).collect()
    }
}

/// Why a request is turned away that two external authorizers were to be asked about.
const SEVERAL_PROVIDERS: &str = "CUSTOM policies of this workload name several providers, which Istio turns into denials \
    unless it runs with PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS";

/// Whether the CUSTOM policies among these name more than one provider (istio `pilot/pkg/security/authz/builder/builder.go`,
/// `buildHTTP`).
fn has_several_providers(policies: &[&Policy]) -> bool {
    let mut providers = policies.iter().filter(|policy| policy.action == Action::Custom).map(|policy| &policy.provider);
    let first = providers.next();
    providers.any(|provider| Some(provider) != first)
}

/// What comes of questions about addresses that are not said, where a verdict is wished for.
fn fits(action: &Action, wish: Option<Verdict>) -> Option<bool> {
    wish.map(|wish| (*action == Action::Allow) == (wish == Verdict::Allow))
}

fn decides(policy: &AuthorizationPolicy) -> bool {
    !matches!(policy.action, Some(Action::Audit | Action::Other(_)))
}

impl Policy {
    fn of(policy: &AuthorizationPolicy, name: &str, namespace: &str, mesh: &Mesh) -> Self {
        let action = policy.action.clone().unwrap_or(Action::Allow);
        // Filters of CUSTOM policies stand in the order of their providers.
        let provider = policy.provider.as_ref().filter(|_| action == Action::Custom).map_or("", |it| it.name.as_str());
        let rules = policy.rules.iter().map(|rule| Compiled::of(rule, &action, namespace, mesh));
        let mut rules: Vec<_> = rules.enumerate().collect();
        rules.sort_by_cached_key(|(index, _)| format!("{index}]"));
        Self {
            order: format!("{provider}ns[{namespace}]-policy[{name}]-rule["),
            full_name: format!("{namespace}/{name}"),
            namespace: namespace.to_owned(),
            action,
            provider: policy.provider.as_ref().map(|provider| provider.name.clone()),
            targets: attachment::targets(policy),
            rules,
            written: policy.rules.clone(),
        }
    }

    /// The index of the first rule that matches.
    fn first_match(&self, facts: &Facts<'_>) -> Option<usize> {
        let is_met = |rule: &Option<Compiled>| rule.as_ref().is_some_and(|rule| rule.matches(&self.action, facts));
        self.rules.iter().find(|(_, rule)| is_met(rule)).map(|(index, _)| *index)
    }

    fn matches_at_ztunnel(&self, rule: usize, request: &Request, unsaid: Option<bool>) -> bool {
        let rule = self.written.get(rule);
        rule.is_some_and(|rule| ztunnel::matches(rule, &self.action, &self.namespace, request, unsaid))
    }

    /// What of it ztunnel does not enforce, though it would turn requests away.
    fn unenforced(&self) -> Vec<String> {
        if self.action == Action::Custom {
            return vec![self.full_name.clone()];
        }
        let rules = self.written.iter().enumerate().filter(|_| self.action == Action::Deny);
        let idle = rules.filter(|(_, rule)| !ztunnel::can_match(rule, &self.action));
        idle.map(|(index, _)| format!("{}#{index}", self.full_name)).collect()
    }
}
