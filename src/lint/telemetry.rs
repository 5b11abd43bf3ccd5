//! Telemetry (`validation.go`, `ValidateTelemetry`).

use super::report::{At, Report, SCHEMA, SCHEMA_WARNING, SPEC, known};
use super::whole;
use crate::istio::{
    CustomTag, IstioMetric, MetricsOverrides, ProviderRef, TagOperation, Telemetry, Tracing, WorkloadMode,
};

pub(super) fn check(report: &mut Report<'_>, telemetry: &Telemetry) {
    let (one, many) = (telemetry.target_ref.as_ref(), &telemetry.target_refs);
    whole::targets(report, telemetry.selector.is_some(), one, many);
    if let Some(selector) = &telemetry.selector {
        let at = SPEC.member("selector");
        whole::selector(report, at.member("matchLabels"), &selector.match_labels);
        whole::empty_selector(report, at, &selector.match_labels);
    }
    let list = SPEC.member("tracing");
    if telemetry.tracing.len() > 1 {
        report.warning(SCHEMA_WARNING, list, "the first of several holds alone", "keep one");
    }
    for (index, tracing) in telemetry.tracing.iter().enumerate() {
        check_tracing(report, list.item(index), tracing);
    }
    let list = SPEC.member("metrics");
    for (index, metrics) in telemetry.metrics.iter().enumerate() {
        let at = list.item(index);
        providers(report, at.member("providers"), &metrics.providers);
        whole::duration(report, at.member("reportingInterval"), metrics.reporting_interval.as_ref());
        for (index, overrides) in metrics.overrides.iter().enumerate() {
            check_overrides(report, at.member("overrides").item(index), overrides);
        }
    }
    let list = SPEC.member("accessLogging");
    for (index, logging) in telemetry.access_logging.iter().enumerate() {
        let at = list.item(index);
        providers(report, at.member("providers"), &logging.providers);
        if let Some(matched) = &logging.matches {
            known!(report, SCHEMA, at.member("match").member("mode"), matched.mode, WorkloadMode);
        }
    }
}

fn providers(report: &mut Report<'_>, at: At<'_>, providers: &[ProviderRef]) {
    for (index, _) in providers.iter().enumerate().filter(|(_, provider)| provider.name.is_empty()) {
        report.error(SCHEMA, at.item(index).member("name"), "a provider without a name", "name it");
    }
}

fn check_tracing(report: &mut Report<'_>, at: At<'_>, tracing: &Tracing) {
    providers(report, at.member("providers"), &tracing.providers);
    if tracing.providers.len() > 1 {
        report.warning(SCHEMA_WARNING, at.member("providers"), "traces go to one provider", "keep one");
    }
    if let Some(matched) = &tracing.matches {
        known!(report, SCHEMA, at.member("match").member("mode"), matched.mode, WorkloadMode);
    }
    if tracing.random_sampling_percentage.is_some_and(|share| !(0.0..=100.0).contains(&share)) {
        report.error(SCHEMA, at.member("randomSamplingPercentage"), "not a percentage", "write 0 to 100");
    }
    let tags = at.member("customTags");
    for (name, tag) in &tracing.custom_tags {
        if name.is_empty() || is_bad_tag(tag) {
            report.error(SCHEMA, tags.member(name), "a tag has a name, and a value from one place", "give it both");
        }
    }
}

/// Whether a tag names nothing that has its value, or several things.
fn is_bad_tag(tag: &CustomTag) -> bool {
    let values = [
        tag.literal.as_ref().map(|literal| &literal.value),
        tag.environment.as_ref().map(|environment| &environment.name),
        tag.header.as_ref().map(|header| &header.name),
        tag.formatter.as_ref().map(|formatter| &formatter.value),
    ];
    let mut given = values.into_iter().flatten();
    given.next().is_some_and(String::is_empty) || given.next().is_some()
}

fn check_overrides(report: &mut Report<'_>, at: At<'_>, overrides: &MetricsOverrides) {
    if let Some(matched) = &overrides.matches {
        let at = at.member("match");
        known!(report, SCHEMA, at.member("metric"), matched.metric, IstioMetric);
        known!(report, SCHEMA, at.member("mode"), matched.mode, WorkloadMode);
        let both = matched.metric.is_some() && matched.custom_metric.is_some();
        if both || matched.custom_metric.as_deref() == Some("") {
            report.error(SCHEMA, at, "a metric is one of Istio's or another, by its name", "name one");
        }
    }
    let tags = at.member("tagOverrides");
    for (name, tag) in &overrides.tag_overrides {
        let at = tags.member(name);
        known!(report, SCHEMA, at.member("operation"), tag.operation, TagOperation);
        if name.is_empty() {
            report.warning(SCHEMA_WARNING, at, "a tag without a name", "name it");
        }
        if tag.value.is_empty() != (tag.operation == Some(TagOperation::Remove)) {
            report.error(SCHEMA, at, "UPSERT has a value, REMOVE none", "give it, or remove it");
        }
    }
}
