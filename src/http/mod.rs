//! The REST API: router, extractors, problems, events.
