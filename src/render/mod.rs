//! Intents and topology in, manifest files out. Pure; one file per pattern.
