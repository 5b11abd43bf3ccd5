//! Istio's own rules over manifests. Pure.
