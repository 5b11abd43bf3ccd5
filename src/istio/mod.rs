//! Istio resources in fixed field order, and reading anybody's manifests. Pure.
