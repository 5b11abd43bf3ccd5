//! What people expect of their policies: tests of access, as YAML beside the config.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::calling::{namespaced, wrong_method, wrong_path};
use super::{CallingAs, Decision, Destination, Peer, Request, Verdict};
use crate::finding::{Finding, Place};
use crate::yaml::{self, Limits, Placed, YamlError};

/// The longest file of expectations, in bytes.
const LONGEST: usize = 1 << 20;
/// The most findings that are told.
const MOST_TOLD: usize = 1000;
/// The most answers that a finding names.
const MOST_NAMED: usize = 4;

/// What is expected of calls that are alike but for their callers.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Where it is written.
    pub place: Place,
    /// What its author calls it.
    pub name: Option<String>,
    /// Who calls: each of these.
    pub from: Vec<CallingAs>,
    /// What is called.
    pub to: Callee,
    /// `provider/cluster`; all of them where it is not said.
    pub cluster: Option<String>,
    /// What else the calls show.
    pub request: Request,
    /// What every workload that is called decides.
    pub expect: Verdict,
    /// By which policy, as `namespace/name`; by any where it is not said.
    pub policy: Option<String>,
}

/// What is called.
#[derive(Debug, Clone, PartialEq)]
pub enum Callee {
    /// A service that an inbound intent is about.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        service: String,
        /// Its port; all of them where it is not said.
        port: Option<u16>,
    },
    /// A workload, whoever made it.
    Workload(Destination),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    tests: Vec<Placed<Test>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Test {
    name: Option<String>,
    #[serde(default, deserialize_with = "callers")]
    from: Vec<String>,
    to: Option<String>,
    workload: Option<Destination>,
    port: Option<u16>,
    cluster: Option<String>,
    method: Option<String>,
    path: Option<String>,
    host: Option<String>,
    sni: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    jwt: Option<Map<String, Value>>,
    ip: Option<IpAddr>,
    remote_ip: Option<IpAddr>,
    expect: Verdict,
    policy: Option<String>,
}

/// Reads a caller or a list of them.
fn callers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Callers;
    impl<'de> de::Visitor<'de> for Callers {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a caller or a list of callers")
        }

        fn visit_str<E: de::Error>(self, caller: &str) -> Result<Self::Value, E> {
            Ok(vec![caller.to_owned()])
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(vec![])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut callers = vec![];
            while let Some(caller) = list.next_element()? {
                callers.push(caller);
            }
            if callers.is_empty() {
                return Err(de::Error::custom("an empty list of callers; leave `from` out for plain text"));
            }
            Ok(callers)
        }
    }
    from.deserialize_any(Callers)
}

impl Expectation {
    /// Reads the expectations in a file of one YAML document, `tests: […]`.
    ///
    /// # Errors
    /// What of it cannot be read, where, and what to do.
    pub fn read(path: &str, text: &str) -> Result<Vec<Self>, Vec<Finding>> {
        let limits = Limits { bytes: LONGEST, ..Limits::default() };
        let unreadable = |error: YamlError| {
            let place = Place { line: error.line, column: error.column, ..Place::at(path) };
            vec![wrong(place, error.message)]
        };
        let written: Written = yaml::from_str_within(text, limits).map_err(unreadable)?;
        if written.tests.is_empty() {
            return Err(vec![wrong(Place::at(path), "it expects nothing: `tests` is empty")]);
        }
        let (mut read, mut findings) = (vec![], vec![]);
        for (index, test) in written.tests.into_iter().enumerate() {
            let place =
                Place { line: test.line, column: test.column, ..Place::pointing(path, format!("/tests/{index}")) };
            match test.value.read(place.clone()) {
                Ok(expectation) => read.push(expectation),
                Err(why) => findings.push(wrong(place, why)),
            }
        }
        if findings.is_empty() { Ok(read) } else { Err(findings) }
    }

    /// What is wrong where these are the answers to one of its callers; none where it holds.
    /// Without an answer it does not: nothing that is called so is known.
    #[must_use]
    pub fn broken_by(&self, from: &CallingAs, answers: &[Told]) -> Option<Finding> {
        if answers.is_empty() {
            let at = self.cluster.as_ref().map(|cluster| format!(" on {cluster}")).unwrap_or_default();
            return Some(self.finding(from, &format!("nothing that is called so is known{at}")));
        }
        let holds = |told: &Told| {
            let Told { decision, let_in_otherwise, .. } = told;
            decision.verdict == self.expect
                && decision.unsure.is_none()
                && decision.external.is_none()
                && !let_in_otherwise
                && self.policy.as_ref().is_none_or(|policy| decision.policy.as_ref() == Some(policy))
        };
        let other: Vec<String> = answers.iter().filter(|told| !holds(told)).map(Told::to_string).collect();
        let more = other.len().saturating_sub(MOST_NAMED);
        let named = other.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
        match (other.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(self.finding(from, &named)),
            (false, more) => Some(self.finding(from, &format!("{named}; and {more} more"))),
        }
    }

    fn finding(&self, from: &CallingAs, but: &str) -> Finding {
        let name = self.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let asked = [&self.request.method, &self.request.path].into_iter().flatten();
        let asked = asked.map(String::as_str).collect::<Vec<_>>().join(" ");
        let asked = if asked.is_empty() { "call".to_owned() } else { asked };
        let to = match &self.to {
            Callee::Service { namespace, service, port: None } => format!("{namespace}/{service}"),
            Callee::Service { namespace, service, port: Some(port) } => format!("{namespace}/{service}:{port}"),
            Callee::Workload(to) => {
                let labels: Vec<String> = to.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("{}/{}", to.namespace, labels.join(","))
            }
        };
        let by = self.policy.as_ref().map(|policy| format!(" by {policy}")).unwrap_or_default();
        let message = format!("{name}{asked} of {to} by {from} is expected: {}{by}; but {but}", self.expect);
        Finding::error(EXPECTED, self.place.clone(), message, "mend the policies, or what is expected of them")
    }
}

/// The rule that expectations hold.
const EXPECTED: &str = "access/expected";

fn wrong(place: Place, why: impl Into<String>) -> Finding {
    Finding::error("access/expectation", place, why, "see docs/access.md for what a file of expectations holds")
}

/// What one workload decides about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The cluster it is on; empty where there is one alone.
    pub at: String,
    /// The identity that called, without `spiffe://`; none where it was plain text.
    pub principal: Option<String>,
    /// What is decided.
    pub decision: Decision,
    /// Whether it is turned away, and the same caller would be let in with a method, path, host or port that is not said.
    pub let_in_otherwise: bool,
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, principal, decision, let_in_otherwise } = self;
        if !at.is_empty() {
            write!(f, "on {at} ")?;
        }
        if let Some(principal) = principal {
            write!(f, "as {principal} ")?;
        }
        write!(f, "it is {decision}")?;
        if let Some(provider) = &decision.external {
            write!(f, " (until {provider} lets it in)")?;
        }
        if let Some(unsure) = &decision.unsure {
            write!(f, " ({unsure})")?;
        }
        if *let_in_otherwise {
            f.write_str(", though with some method, path, host or port that is not said the same caller is let in")?;
        }
        Ok(())
    }
}

impl Test {
    fn read(self, place: Place) -> Result<Expectation, String> {
        let parse = |text: &String| {
            CallingAs::parse(text).ok_or_else(|| {
                format!("from: `{text}` is neither `namespace/service-account` nor a whole identity, and patterns are not calls")
            })
        };
        let from = match self.from.is_empty() {
            true => vec![CallingAs::PlainText],
            false => self.from.iter().map(parse).collect::<Result<_, _>>()?,
        };
        let to = match (self.to, self.workload) {
            (Some(to), None) => {
                let (namespace, service) = namespaced(&to)
                    .ok_or_else(|| format!("to: `{to}` is no `namespace/service`; pods are named by `workload`"))?;
                Callee::Service { namespace: namespace.to_owned(), service: service.to_owned(), port: self.port }
            }
            (None, Some(workload)) if self.port.is_none() => Callee::Workload(workload),
            (None, Some(_)) => return Err("port: is of services; that of pods is `workload.port`".to_owned()),
            _ => return Err("name what is called by one of `to` and `workload`".to_owned()),
        };
        if let Some(why) = self.method.as_deref().and_then(wrong_method) {
            return Err(format!("method: {why}"));
        }
        if let Some(why) = self.path.as_deref().and_then(wrong_path) {
            return Err(format!("path: {why}"));
        }
        if let Some(wrong) = self.cluster.as_deref().filter(|cluster| namespaced(cluster).is_none()) {
            return Err(format!("cluster: `{wrong}` is no cluster: name it `provider/cluster`"));
        }
        let from_address = Peer { principal: None, ip: self.ip, remote_ip: self.remote_ip };
        Ok(Expectation {
            place,
            name: self.name,
            from,
            to,
            cluster: self.cluster,
            request: Request {
                from: from_address,
                to: Destination::default(),
                method: self.method,
                path: self.path,
                host: self.host,
                sni: self.sni,
                headers: self.headers,
                jwt: self.jwt,
            },
            expect: self.expect,
            policy: self.policy,
        })
    }
}

/// How expectations came out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many calls were decided about.
    pub calls: usize,
    /// What does not hold.
    pub findings: Vec<Finding>,
}

impl Tally {
    /// Holds every expectation against what `answers` gives for one of its callers.
    #[must_use]
    pub fn of(expectations: &[Expectation], mut answers: impl FnMut(&Expectation, &CallingAs) -> Vec<Told>) -> Self {
        let mut tally = Self::default();
        for expectation in expectations {
            for from in &expectation.from {
                tally.calls += 1;
                tally.findings.extend(expectation.broken_by(from, &answers(expectation, from)));
            }
        }
        let more = tally.findings.len().saturating_sub(MOST_TOLD);
        if let Some(last) = tally.findings.get(MOST_TOLD).filter(|_| more > 0) {
            let (place, message) =
                (last.place.clone(), format!("{more} more calls are decided otherwise than expected"));
            tally.findings.truncate(MOST_TOLD);
            tally.findings.push(Finding::error(EXPECTED, place, message, "mend those above first"));
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_on_an_external_authorizer_is_nothing_that_can_be_expected() {
        let text = "tests: [{from: shop/a, to: shop/b, expect: deny}]";
        let expectation = Expectation::read("a.yaml", text).unwrap().remove(0);
        let broken = |external: Option<&str>| {
            let decision = Decision { external: external.map(str::to_owned), ..Decision::of(Verdict::Deny) };
            let told = Told { at: String::new(), principal: None, decision, let_in_otherwise: false };
            expectation.broken_by(&expectation.from[0], &[told])
        };
        assert_eq!(broken(None), None);
        assert!(broken(Some("opa")).unwrap().message.ends_with("(until opa lets it in)"));
    }
}
