//! Private keys that are told by the words around them.

/// What only private keys have, in capitals and without blanks: the ends of labels (RFC 7468, OpenPGP, SSH.COM), and
/// how the files of OpenSSH, PuTTY and age begin. The first letter of each is nowhere else in it.
const LABELS: [&[u8]; 5] =
    [b"PRIVATEKEY----", b"PRIVATEKEYBLOCK----", b"OPENSSH-KEY-V1", b"PUTTY-USER-KEY-FILE-", b"AGE-SECRET-KEY-1"];

/// The members of a JSON Web Key (RFC 7518, section 6) that are secret.
const SECRET_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// How long the shortest label is, in bytes.
pub(super) const SHORTEST_LABEL: usize = 14;
const _: () = {
    let mut each = 0;
    while each < LABELS.len() {
        assert!(LABELS[each].len() >= SHORTEST_LABEL);
        each += 1;
    }
};

/// Names of a secret number, in small letters alone: in what OpenSSL and GnuTLS print, in files of WireGuard.
const NAMES: [&[u8]; 4] = [b"priv", b"privatekey", b"privateexponent", b"privatevalue"];

/// How far a name and the beginning of its number are looked at, in bytes.
const WINDOW: usize = 256;

/// The fewest hexadecimal digits of a secret number.
const DIGITS: usize = 48;

/// How many characters 32 bytes have in base64, without the one that fills up.
const CHARACTERS: usize = 43;

/// How long the shortest name, sign and secret number are together, in bytes.
const SHORTEST_SECRET: usize = NAMES[0].len() + 1 + CHARACTERS + 1;

/// Whether `bytes` hold the label of a private key, whatever stands between its characters that cannot be seen.
pub(super) fn has_label(bytes: &[u8]) -> bool {
    let mut matched = [0; LABELS.len()];
    let mut began = false;
    for byte in bytes.iter().filter(|byte| byte.is_ascii_graphic()).map(u8::to_ascii_uppercase) {
        if !began && !matches!(byte, b'P' | b'O' | b'A') {
            continue;
        }
        began = false;
        for (label, matched) in LABELS.iter().zip(&mut matched) {
            *matched = if label[*matched] == byte { *matched + 1 } else { usize::from(label[0] == byte) };
            if *matched == label.len() {
                return true;
            }
            began |= *matched > 0;
        }
    }
    false
}

/// Whether the members that have these names are those of a private or symmetric JSON Web Key.
pub(super) fn is_json_web_key<'a>(mut names: impl Iterator<Item = &'a str> + Clone) -> bool {
    names.clone().any(|name| name == "kty") && names.any(|name| SECRET_MEMBERS.contains(&name))
}

/// Whether `text` has the members of such a key, however it is quoted.
pub(super) fn has_json_web_key(text: &[u8]) -> bool {
    if !text.windows(3).any(|three| three == b"kty") {
        return false;
    }
    let text = String::from_utf8_lossy(text);
    let mark = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
    let valued =
        |text: &str| text.trim_start_matches(mark).starts_with(|c: char| c.is_alphanumeric() || "-_[".contains(c));
    let name = |text| str::trim_end_matches(text, mark).rsplit(|c: char| !c.is_alphanumeric()).next();
    let members = text.split(':').zip(text.split(':').skip(1)).filter(|(_, value)| valued(value));
    let names: Vec<&str> = members.filter_map(|(before, _)| name(before)).collect();
    is_json_web_key(names.iter().copied())
}

/// Whether `text` names a secret number and gives it.
pub(super) fn names_a_secret(text: &[u8]) -> bool {
    text.len() >= SHORTEST_SECRET && names(text).any(|at| is_secret(beginning(&text[at..])))
}

/// Whether a field names a secret number and has it.
pub(super) fn is_secret_field(name: &str, value: &str) -> bool {
    let (name, value) = (name.as_bytes(), beginning(value.as_bytes()));
    names(name).any(|at| is_secret(&[beginning(&name[at..]), b":", value].concat()))
}

/// As much of a text as is looked at.
fn beginning(text: &[u8]) -> &[u8] {
    &text[..text.len().min(WINDOW)]
}

/// Where in `text` the name of a secret number may begin.
fn names(text: &[u8]) -> impl Iterator<Item = usize> {
    let four = text.windows(4).enumerate();
    four.filter(|(_, four)| four.eq_ignore_ascii_case(b"priv")).map(|(at, _)| at)
}

/// Whether `text` is a name, a sign, and a number of the size of a key: in hexadecimal digits, or 32 bytes in base64.
fn is_secret(text: &[u8]) -> bool {
    let mut seen = text.iter().copied().filter(|b| b.is_ascii_graphic() && !b"\"'\\-_".contains(b)).peekable();
    let mut name = vec![];
    while let Some(letter) = seen.next_if(u8::is_ascii_alphabetic) {
        name.push(letter.to_ascii_lowercase());
    }
    if !NAMES.contains(&&*name) || seen.next_if(|sign| b":=".contains(sign)).is_none() {
        return false;
    }
    let value: Vec<u8> = seen.collect();
    let digits = value.iter().filter(|byte| **byte != b':').take_while(|byte| byte.is_ascii_hexdigit()).count();
    let characters = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte)).count();
    digits >= DIGITS || (characters == CHARACTERS && value.get(CHARACTERS) == Some(&b'='))
}
