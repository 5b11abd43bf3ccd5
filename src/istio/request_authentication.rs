//! RequestAuthentication: which tokens a workload accepts.

use super::message::message;
use super::{LabelSelector, PolicyTargetReference};

message! {
    /// A RequestAuthentication (`security/v1beta1/request_authentication.proto`).
    pub struct RequestAuthentication {
        /// The workloads; the whole namespace when there is no target either.
        pub selector: Option<LabelSelector>,
        /// One resource that it guards; deprecated, use `target_refs`.
        pub target_ref: Option<PolicyTargetReference>,
        /// The resources that it guards.
        pub target_refs: Vec<PolicyTargetReference>,
        /// The tokens; a request without one passes.
        pub jwt_rules: Vec<JwtRule>,
    }

    /// A kind of token (`JWTRule`).
    pub struct JwtRule {
        /// Who issues it.
        pub issuer: String,
        /// Whom it is for: any of these; anybody when empty.
        pub audiences: Vec<String>,
        /// Where the keys are; found from the issuer when there are none.
        #[serde(alias = "jwks_uri")]
        pub jwks_uri: String,
        /// The keys themselves.
        pub jwks: String,
        /// The headers that carry it; `Authorization: Bearer` when nothing is said.
        pub from_headers: Vec<JwtHeader>,
        /// The query parameters that carry it.
        pub from_params: Vec<String>,
        /// The cookies that carry it.
        pub from_cookies: Vec<String>,
        /// The header that hands on the verified payload, in base64.
        pub output_payload_to_header: String,
        /// Whether the token goes on to the service.
        pub forward_original_token: Option<bool>,
        /// The headers that hand on single claims.
        pub output_claim_to_headers: Vec<ClaimToHeader>,
        /// The longest that fetching the keys may take.
        pub timeout: Option<String>,
        /// Claims that are lists separated by spaces, besides `scope` and `permission`.
        pub space_delimited_claims: Vec<String>,
    }

    /// A header that carries a token (`JWTHeader`).
    pub struct JwtHeader {
        /// The name.
        pub name: String,
        /// What stands before the token.
        pub prefix: String,
    }

    /// A header that hands on a claim (`ClaimToHeader`).
    pub struct ClaimToHeader {
        /// The header.
        pub header: String,
        /// The claim; `.` leads into objects.
        pub claim: String,
    }
}
