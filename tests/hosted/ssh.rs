//! Commits over SSH, everything else by the API.

use std::os::unix::fs::PermissionsExt as _;

use meshwright::boot::{Stores, SystemClock};
use meshwright::change::State;
use meshwright::config::Commits;

use crate::desk::{TIMING, open_configured};
use crate::double::{TOKEN, Verdict};
use crate::home::{As, Home};

/// A program in the place of `ssh`: it notes what it was called with and runs the command here.
const STAND_IN: &str = r#"#!/bin/sh
printf '%s\n' "$*" >> LOG
for last; do :; done
path=${last#*\'}
exec git "$(expr "$last" : 'git-\([a-z-]*\) ')" "ROOT${path%\'}"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_travels_over_ssh_where_the_address_says_so() {
    for (kind, commits) in
        [(As::GitHubApp, Commits::Pushed), (As::GitHubUser, Commits::Made), (As::GiteaUser, Commits::Pushed)]
    {
        let home = Home::new(kind).await;
        let Home { double, house, mut config, directory, timing: _ } = home;
        crate::desk::stop(house).await;
        config.data = directory.path().join("anew");
        config.forge.commits = commits;
        config.repository.remote = Some("ssh://git@forge.example/acme/mesh-config.git".into());
        let (log, program) = (directory.path().join("calls"), directory.path().join("ssh"));
        let root = double.repository();
        let root = root.to_str().unwrap().strip_suffix("/acme/mesh-config.git").unwrap();
        std::fs::write(&program, STAND_IN.replace("LOG", log.to_str().unwrap()).replace("ROOT", root)).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let clock: std::sync::Arc<dyn meshwright::change::Clock> = std::sync::Arc::new(SystemClock);
        let stores = Stores::open(&config, &clock).unwrap();
        let mirror = stores.mirror.path().join("config");
        drop(stores);
        let mut file = std::fs::read_to_string(&mirror).unwrap();
        file.push_str(&format!("[core]\n\tsshCommand = {}\n", program.display()));
        std::fs::write(&mirror, file).unwrap();

        let house = open_configured(&config, TIMING).await;
        let home = Home { double, house, config, timing: TIMING, directory };
        let (id, pull) = home.proposed().await;
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        home.house.until(&id, State::Approved).await;
        assert_eq!(home.house.merge(&id).await.unwrap().state, State::Merged, "{kind:?}");
        home.house.until_no_branch_is_left().await;
        let calls = std::fs::read_to_string(&log).unwrap();
        assert!(calls.contains("git@forge.example git-upload-pack") && !calls.contains(TOKEN), "{calls}");
        let pushed = calls.matches("git-receive-pack '/acme/mesh-config.git'").count();
        assert!(pushed >= 1, "{kind:?}: the branch is removed by a push at least\n{calls}");
    }
}
