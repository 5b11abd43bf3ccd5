//! Labels, which Gitea knows by number.

use serde_json::json;

use crate::change::forge::ForgeError;
use crate::forge::hosted::{Api, Label, PER_PAGE};

/// The colour of a label that is made.
const COLOUR: &str = "#466bb0";

/// Gives a pull request labels; those that the repository does not have are made.
pub(super) async fn give(api: &Api, number: u64, labels: &[&str]) -> Result<(), ForgeError> {
    let known: Vec<Label> = api.all(|page| api.at(&format!("/labels?limit={PER_PAGE}&page={page}"))).await?;
    let mut ids = vec![];
    for name in labels {
        let id = match known.iter().find(|label| label.name.eq_ignore_ascii_case(name)) {
            Some(label) => label.id,
            None => {
                let body = json!({ "name": name, "color": COLOUR });
                api.send("POST", api.at("/labels"), body).await?.expect(&[201])?.json::<Label>()?.id
            }
        };
        ids.push(id);
    }
    let path = api.at(&format!("/issues/{number}/labels"));
    api.send("POST", path, json!({ "labels": ids })).await?.expect(&[200]).map(drop)
}
