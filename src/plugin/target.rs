//! Where a plugin is reached, and how it is made sure that it is it.

use std::fmt;
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use zeroize::Zeroizing;

use super::cause::last_cause;
use super::dialer::Dialer;

/// How long a call may take where nothing else is said.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How much a plugin may send before it is read, in bytes: of one call, and of all.
const WINDOW: u32 = 1 << 20;
const WINDOWS: u32 = 4 << 20;

/// What TLS is made sure by, as PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that the plugin's certificate is signed by.
    pub authorities: String,
    /// What this server shows of itself, and the private key for that; none where the plugin does not ask.
    pub identity: Option<(String, Zeroizing<String>)>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("identity", &self.identity.is_some()).finish_non_exhaustive()
    }
}

impl Tls {
    /// Whether the texts are what they are to be; what is in them is judged when a plugin is connected to.
    fn check(&self) -> Result<(), Unreachable> {
        let lacks = |field: &str, what: &str| Err(Unreachable::Tls(format!("{field} holds no {what} in PEM")));
        let has = |text: &str, what: &str| text.contains("-----BEGIN ") && text.contains(what);
        if !has(&self.authorities, "CERTIFICATE-----") {
            return lacks("caFile", "certificate");
        }
        match &self.identity {
            Some((certificate, _)) if !has(certificate, "CERTIFICATE-----") => lacks("certificateFile", "certificate"),
            Some((_, key)) if !has(key, "PRIVATE KEY-----") => lacks("keyFile", "private key"),
            _ => Ok(()),
        }
    }
}

/// Where a plugin is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `https://host:port`, `http://` of this machine, or `unix:/path`.
    pub address: String,
    /// What TLS is made sure by.
    pub tls: Option<Tls>,
    /// How long it may take to answer once.
    pub deadline: Duration,
}

/// Why a plugin cannot be reached as was said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// The address is none.
    #[error("`{0}` is no address of a plugin; write https://HOST:PORT, http://127.0.0.1:PORT or unix:/PATH")]
    Address(String),
    /// Intents and manifests would go over the network for everybody to read and change.
    #[error("{0} is not on this machine, so it takes https")]
    PlainText(String),
    /// Nobody would know who answers.
    #[error("{0} takes a caFile, by which its certificate is judged")]
    NoAuthority(String),
    /// Files are named that would not be used.
    #[error("{0} does not use TLS, so that caFile, certificateFile and keyFile have no place")]
    NoTls(String),
    /// The files hold something else.
    #[error("{0}")]
    Tls(String),
}

impl Target {
    /// What connects to it.
    ///
    /// # Errors
    /// What cannot be used.
    pub(super) fn dialer(&self) -> Result<Dialer, Unreachable> {
        let address = self.address.as_str();
        // What may be a password is not shown.
        let shown = if address.contains('@') { "…@…" } else { address };
        let none = || Unreachable::Address(shown.chars().take(200).collect());
        let is_sane = |part: &str| !part.is_empty() && !part.contains(['@', '?', '#', ' ']);
        let socket = address.strip_prefix("unix:").map(|path| path.strip_prefix("//").unwrap_or(path));
        let (secure, authority) = match (socket, address.split_once("://")) {
            (Some(path), _) if path.starts_with('/') => (false, None),
            (None, Some(("http", authority))) => (false, Some(authority)),
            (None, Some(("https", authority))) => (true, Some(authority)),
            _ => return Err(none()),
        };
        if let Some(authority) = authority {
            let authority = Some(authority).filter(|it| is_sane(it) && !it.contains('/')).ok_or_else(none)?;
            let (host, port) = authority.rsplit_once(':').ok_or_else(none)?;
            if port.parse::<u16>().map_or(true, |port| port == 0) || host.is_empty() {
                return Err(none());
            }
            if !secure && !is_here(host) {
                return Err(Unreachable::PlainText(address.to_owned()));
            }
        }
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|_| none())?;
        let endpoint = endpoint
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOWS)
            .http2_keep_alive_interval(Duration::from_secs(30))
            // One that is let go of while the plugin reads nothing any more would stay for ever.
            .keep_alive_while_idle(true);
        let endpoint = match (&self.tls, secure) {
            (None, false) => endpoint,
            (None, true) => return Err(Unreachable::NoAuthority(address.to_owned())),
            (Some(_), false) => return Err(Unreachable::NoTls(address.to_owned())),
            (Some(tls), true) => {
                tls.check()?;
                let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&tls.authorities));
                if let Some((certificate, key)) = &tls.identity {
                    config = config.identity(Identity::from_pem(certificate, key.as_str()));
                }
                endpoint.tls_config(config).map_err(|error| {
                    let cause = last_cause(&error).map_or_else(|| error.to_string(), ToString::to_string);
                    Unreachable::Tls(format!("caFile, certificateFile and keyFile: {cause}"))
                })?
            }
        };
        Ok(Dialer::new(endpoint, socket.map(Into::into), address.to_owned()))
    }

    /// Whether it can be used at all.
    ///
    /// # Errors
    /// What cannot be used.
    pub fn check(&self) -> Result<(), Unreachable> {
        self.dialer().map(drop)
    }
}

/// Whether a host of an address is this machine.
pub(super) fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_this_machine_and_tls_takes_an_authority() {
        let check = |address: &str, tls: Option<Tls>| {
            Target { address: address.to_owned(), tls, deadline: DEADLINE }.check().map_err(|error| error.to_string())
        };
        for good in
            ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:1", "unix:/run/np.sock", "unix:///run/np"]
        {
            assert_eq!(check(good, None), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("http://plugins.example:9000", "takes https"),
            ("http://localhost.example:9000", "takes https"),
            ("https://plugins.example:9000", "takes a caFile"),
            ("https://plugins.example", "no address"),
            ("https://plugins.example:0", "no address"),
            ("https://user:hunter2@plugins.example:1", "no address"),
            ("ftp://127.0.0.1:1", "no address"),
            ("unix:relative", "no address"),
            ("127.0.0.1:9000", "no address"),
            ("", "no address"),
        ] {
            let error = check(bad, None).unwrap_err();
            assert!(error.contains(why) && !error.contains("hunter2"), "{bad}: {error}");
        }
        assert!(check("http://127.0.0.1:1", Some(Tls::default())).unwrap_err().contains("does not use TLS"));
        let certificate = "-----BEGIN CERTIFICATE-----";
        for (authorities, identity, why) in [
            ("no PEM", None, "caFile holds no certificate in PEM"),
            (certificate, Some(("no PEM", "")), "certificateFile holds no certificate in PEM"),
            (certificate, Some((certificate, "no PEM")), "keyFile holds no private key in PEM"),
        ] {
            let identity = identity.map(|(certificate, key)| (certificate.to_owned(), Zeroizing::new(key.to_owned())));
            let tls = Tls { authorities: authorities.to_owned(), identity };
            assert_eq!(check("https://plugins.example:1", Some(tls)), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_private_key_is_never_shown() {
        let key = Zeroizing::new("hunter2".to_owned());
        let tls = Tls { authorities: String::new(), identity: Some(("certificate".into(), key)) };
        assert!(!format!("{tls:?}").contains("hunter2"));
    }
}
