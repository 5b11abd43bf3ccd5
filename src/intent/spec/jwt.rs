//! Conditions on the JSON web token of a request.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::intent::fields::{Fields, Scalar, type_name};

/// The longest of these texts, in characters.
const LONGEST: usize = 1024;

/// Who issued a token, `iss` (RFC 7519, section 4.1.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issuer(String);

/// About whom a token speaks, `sub` (RFC 7519, section 4.1.2), or `*` for whomever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject(String);

/// For whom a token was issued, `aud` (RFC 7519, section 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audience(String);

/// Where an issuer's keys are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeysUri(String);

fn text(value: &Value) -> Result<&str, String> {
    let text = value.as_str().ok_or_else(|| format!("must be a string, is {}", type_name(value)))?;
    let sane = !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    if sane { Ok(text) } else { Err(format!("must have 1 to {LONGEST} characters, none of them for control")) }
}

/// Declares a text that knows how it is read.
macro_rules! of_token {
    ($name:ident, $check:expr) => {
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Scalar for $name {
            fn read(value: &Value) -> Result<Self, String> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                let text = text(value)?;
                check(text)?;
                Ok(Self(text.to_owned()))
            }

            fn schema() -> Value {
                json!({"type": "string", "minLength": 1, "maxLength": LONGEST})
            }
        }
    };
}

of_token!(Issuer, |text| if text.contains('*') { Err("is one issuer: a * stands for itself nowhere") } else { Ok(()) });
of_token!(Subject, |text| match text {
    "*" => Ok(()),
    // A policy compares `<issuer>/<subject>`, split at the last slash.
    _ if text.contains(['/', '*']) => Err("with a / or * cannot be told apart by Istio; leave subjects out"),
    _ => Ok(()),
});
of_token!(Audience, |text| if text.contains('*') {
    Err("is compared as it is, and a * would be a pattern")
} else {
    Ok(())
});
of_token!(KeysUri, |text| {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !text.contains(char::is_whitespace) && !rest.contains('@') => Ok(()),
        _ => Err("must be an http or https URL without user and password"),
    }
});

/// What the token of a request has to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Jwt {
    /// Who issued it.
    pub issuer: Issuer,
    /// Where the issuer's keys are; found by OpenID Connect discovery when not said.
    pub keys: Option<KeysUri>,
    /// For whom it was issued, any of them; empty: for whomever.
    pub audiences: BTreeSet<Audience>,
    /// About whom it speaks, any of them; empty: about whomever.
    pub subjects: BTreeSet<Subject>,
}

impl Jwt {
    /// Reads `jwt`, or the older fields that said the same.
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let jwt = f.object("jwt", "a condition on the request's JSON web token", |f| {
            let issuer = f.required("issuer", "who issued it");
            let keys = f.optional("jwksUri", "where the issuer's keys are; absent: found by discovery");
            let audiences: Vec<_> = f.list("audiences", "for whom it was issued, any of them; empty: for whomever");
            let subjects: Vec<_> = f.list("subjects", "about whom it speaks, any of them; empty: about whomever");
            let (audiences, subjects) = (audiences.into_iter().collect(), subjects.into_iter().collect());
            Some(Self { issuer: issuer?, keys, audiences, subjects })
        });
        let issuer = f.optional_or_blank("externalAuthenticationIssuer", "older name of jwt.issuer");
        let keys: Option<KeysUri> = f.optional_or_blank("externalAuthenticationJwksUri", "older name of jwt.jwksUri");
        let subjects: Vec<_> = f.list("userAccess", "older name of jwt.subjects");
        let older = issuer.is_some() || keys.is_some() || !subjects.is_empty();
        match (jwt, issuer) {
            (Some(jwt), _) => {
                if older {
                    f.violation("jwt", "is there beside its older names; keep jwt");
                }
                Some(jwt)
            }
            (None, Some(issuer)) => {
                Some(Self { issuer, keys, audiences: BTreeSet::new(), subjects: subjects.into_iter().collect() })
            }
            (None, None) => {
                if older && f.is_sound("externalAuthenticationIssuer") {
                    f.violation("externalAuthenticationIssuer", "is required with the other older names of jwt");
                }
                None
            }
        }
    }
}
