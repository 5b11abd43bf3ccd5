//! Workloads that nobody can call, and policies that nothing can match.

use rayon::prelude::*;

use super::super::{Permission, Tls};
use super::{Access, Matrix, Policy};
use crate::istio::Action;

/// Why callers do not get in though somebody may have meant them to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lockout {
    /// ALLOW policies close the workload, and let nobody in.
    Nobody,
    /// Everything that ALLOW policies let in is turned away by DENY policies.
    AllDenied,
    /// This lets in plain text alone, which a STRICT PeerAuthentication refuses.
    PlainText(Permission),
}

/// Why nothing matches a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// No request can meet a rule of it: conditions contradict one another, or Istio passes over it.
    NothingMatches,
    /// It selects no known workload.
    SelectsNothing,
    /// DENY policies turn away all that it lets in, wherever it holds.
    AllDenied,
}

impl Matrix {
    /// The workloads, by index, that somebody is locked out of.
    #[must_use]
    pub fn lockouts(&self) -> Vec<(usize, Lockout)> {
        let of = |(index, to)| {
            let guarding = self.guarding(to);
            let access = super::access(&guarding, self.mode(to));
            let denies = guarding.iter().any(|(policy, _)| policy.action == Action::Deny);
            let names = |(policy, permissions): &(&Policy, Vec<Permission>)| {
                policy.action == Action::Allow && !permissions.is_empty()
            };
            let names_somebody = access.open || guarding.iter().any(names);
            locked_out(&access, denies && names_somebody).into_iter().map(move |it| (index, it))
        };
        self.workloads.par_iter().enumerate().flat_map_iter(of).collect()
    }

    /// The policies, as `namespace/name`, that nothing matches.
    #[must_use]
    pub fn idle(&self) -> Vec<(String, Idle)> {
        let idle = self.policies.par_iter().filter_map(|policy| Some((policy.full_name(), self.idleness(policy)?)));
        idle.collect()
    }

    fn idleness(&self, policy: &Policy) -> Option<Idle> {
        let closes = policy.action == Action::Allow && policy.rules == 0;
        if policy.permissions.iter().all(Permission::is_empty) && !closes {
            return Some(Idle::NothingMatches);
        }
        let selected = self.selected(&policy.namespace, policy.selector.as_ref());
        // What is attached to a gateway or a Service is not found by labels.
        if selected.is_empty() && policy.targets.is_empty() {
            return Some(Idle::SelectsNothing);
        }
        let is_denied = |index: &usize| {
            let to = &self.workloads[*index];
            let guarding = self.guarding(to);
            let of = |wanted: Action| guarding.iter().filter(move |(other, _)| other.action == wanted);
            let denied: Vec<&Permission> = of(Action::Deny).flat_map(|(_, permissions)| permissions).collect();
            let mut own = policy.at(to).peekable();
            own.peek().is_some() && own.all(|permission| denied.iter().any(|deny| deny.covers(&permission)))
        };
        let all_denied = policy.action == Action::Allow && !closes && !selected.is_empty();
        (all_denied && selected.iter().all(is_denied)).then_some(Idle::AllDenied)
    }
}

fn locked_out(access: &Access, by_denial: bool) -> Vec<Lockout> {
    if access.grants.is_empty() {
        return vec![if by_denial { Lockout::AllDenied } else { Lockout::Nobody }];
    }
    let strict = access.mode.tls == Tls::Strict;
    let plain = access.grants.iter().map(|grant| &grant.permission).filter(|it| strict && it.is_of_plain_text());
    plain.cloned().map(Lockout::PlainText).collect()
}
