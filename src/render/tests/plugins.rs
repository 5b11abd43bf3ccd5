//! Plugins outside this program: what they are asked, and what is made of what they answered.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;

use super::outbound::{caller, outside};
use super::*;
use crate::istio;
use crate::render::{Answer, Answers, Ask, AskedIntent, PluginFiles, Question, questions, render_asking};

/// Settings that list plugins, each of which is asked about everything.
pub(super) fn listing(names: &[&str]) -> Settings {
    let kinds = "[inbound-intents, clients, access-points, outbound-intents, servers]";
    let mut text = "plugins:\n".to_owned();
    for name in names {
        writeln!(text, "- {{name: {name}, version: '1', kinds: {kinds}}}").unwrap();
    }
    Settings::read(&text).unwrap()
}

fn fresh(
    tree: &Tree,
    settings: &Settings,
    files: &PluginFiles,
    before: Option<&Rendered>,
    answers: &Answers,
) -> Rendered {
    render(tree, settings, &Scope::everything(tree), Outside::Fresh { files, before, answers })
}

/// What nobody answered yet.
fn lacking(tree: &Tree, settings: &Settings) -> Vec<Question> {
    fresh(tree, settings, &PluginFiles::default(), None, &Answers::default()).unanswered
}

/// A policy for `east` of this name, as an answer holds it.
fn policy(name: &str) -> (String, istio::Resource) {
    let value = json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": "shop"}, "spec": {"rules": []},
    });
    ("gke/east".to_owned(), istio::resource(value).unwrap())
}

fn answering(questions: &[Question], resources: impl Fn(&Question) -> Vec<(String, istio::Resource)>) -> Answers {
    let answers = Answers::default();
    for question in questions {
        let resources = resources(question).into_iter().map(|(cluster, it)| (cluster, Arc::new(it))).collect();
        answers.put(question.input.clone(), Answer { resources, ..Answer::default() }, 0).unwrap();
    }
    answers
}

/// The files of plugins among what was rendered, as they stand on main.
fn on_main(settings: &Settings, rendered: &Rendered) -> PluginFiles {
    let mut files = PluginFiles::default();
    for (path, manifest) in rendered.manifests.iter().filter(|(_, manifest)| manifest.is_of_outside_plugin()) {
        files.put(settings, path, &manifest.text);
    }
    files
}

fn cart() -> Vec<String> {
    let probe = client("cart", "probe", json!({"app": "probe", "placedIn": "p/a/v1/ops"}));
    vec![
        server("cart", json!({"protocol": "TCP"})),
        probe,
        access_point("cart", "probe", "read", json!({"url": ["/"]})),
    ]
}

#[test]
fn a_unit_holds_the_intents_that_are_wanted_resolved() {
    let tree = tree(&[cart(), vec![caller("web", json!({})), outside("web", "bank", json!({}))]].concat());
    let asked = lacking(&tree, &listing(&["np"]));
    let names: Vec<_> = asked.iter().map(|question| question.about.name()).collect();
    assert_eq!(names, ["shop/cart", "shop/app=web"]);
    let host = &asked[0].about;
    let kind = |it: &AskedIntent| it.anchor.kind().entry().collection;
    let clusters = |it: &AskedIntent| it.clusters.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let shown: Vec<_> =
        host.intents.iter().map(|it| (kind(it), it.namespace.as_str(), clusters(it), it.closed, it.protocol)).collect();
    assert_eq!(
        shown,
        [
            ("inbound-intents", "shop", "gke/east".to_owned(), true, "HTTP"),
            ("clients", "tools", "gke/east gke/west".to_owned(), false, ""),
            ("access-points", "tools", "gke/east gke/west".to_owned(), false, ""),
        ]
    );
    assert!(host.intents[0].body.contains(r#""appLabel":"app=cart""#), "{host:?}");
    let clusters: Vec<_> = host
        .clusters
        .iter()
        .map(|it| [&it.name, &it.trust_domain, &it.root_namespace, &it.ingress_address, &it.east_west_address])
        .collect();
    let east = ["gke/east", "cluster.local", "istio-system", "192.0.2.1", "192.0.2.1:31443"];
    assert_eq!(clusters, [east, ["gke/west", "west.example", "istio-system", "", ""]]);
    for (cluster, namespace, is_in) in [
        ("gke/east", "shop", true),
        ("gke/east", "tools", true),
        ("gke/west", "tools", true),
        ("gke/west", "shop", false),
        ("gke/east", "istio-system", false),
        ("gke/other", "tools", false),
        ("east", "shop", false),
    ] {
        assert_eq!(host.is_in(cluster, namespace), is_in, "{namespace} of {cluster}");
    }
    let kinds: Vec<_> = asked[1].about.intents.iter().map(kind).collect();
    assert_eq!(kinds, ["outbound-intents", "servers"]);

    let only = Settings::read("plugins: [{name: np, version: '1', kinds: [clients]}]\n").unwrap();
    let asked = lacking(&tree, &only);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].about.intents.iter().map(kind).collect::<Vec<_>>(), ["clients"]);
}

#[test]
fn a_unit_is_another_where_anything_in_it_is() {
    let digest = |documents: &[String], old: &str, new: &str| {
        let asked = lacking(&tree_instead(old, new, documents), &listing(&["np"]));
        asked.iter().find(|question| question.about.name() == "shop/cart").unwrap().input.digest
    };
    let same = |text: &str| (text.to_owned(), text.to_owned());
    let (old, new) = same("name: east");
    let before = digest(&cart(), &old, &new);
    let beside = [cart(), vec![server("other", json!({"serviceName": "other", "appLabel": "app=other"}))]].concat();
    assert_eq!(digest(&beside, &old, &new), before);
    let mut reversed = cart();
    reversed.reverse();
    assert_eq!(digest(&reversed, &old, &new), before);
    for (old, new) in [
        ("trustDomain: west.example", "trustDomain: other.example"),
        ("istioIngressGatewayAddress: 192.0.2.1", "istioIngressGatewayAddress: 192.0.2.2"),
        ("{name: tools}, spec: {namespace: tools}", "{name: tools}, spec: {namespace: instruments}"),
        (
            "spec: {app: cart, intent: {allOf: [{clusterProvider: gke, cluster: east}]}}",
            "spec: {app: cart, intent: {allOf: [{clusterProvider: gke, cluster: west}]}}",
        ),
    ] {
        assert_ne!(digest(&cart(), old, new), before, "{new}");
    }
    let mut said = cart();
    said[2] = access_point("cart", "probe", "read", json!({"url": ["/health"]}));
    assert_ne!(digest(&said, "name: east", "name: east"), before);
}

#[test]
fn what_main_has_is_kept_until_its_unit_or_its_version_is_another() {
    let settings = listing(&["np"]);
    let before = tree(&cart());
    let asked = lacking(&before, &settings);
    let answers = answering(&asked, |_| vec![policy("cart-a"), policy("cart-b")]);
    let rendered = fresh(&before, &settings, &PluginFiles::default(), None, &answers);
    assert!(rendered.unanswered.is_empty() && errors(&rendered).is_empty(), "{:?}", rendered.findings);
    assert_eq!(asking(&before, &settings, &answers).0, rendered);
    let told = rendered.findings.iter().filter(|finding| finding.rule == "plugin/mesh");
    assert_eq!(told.map(|it| it.severity).collect::<Vec<_>>(), [Severity::Warning; 2], "{:?}", rendered.findings);
    let ours = |rendered: &Rendered| paths(rendered).iter().filter(|path| path.ends_with(".np.yaml")).count();
    assert_eq!(ours(&rendered), 2);
    let files = on_main(&settings, &rendered);
    let whole =
        |tree: &Tree, settings: &Settings| render(tree, settings, &Scope::everything(tree), Outside::AsMain(&files));
    let as_main = whole(&before, &settings);
    assert!(as_main.outdated.is_empty() && as_main.manifests == rendered.manifests);
    let none = Answers::default();
    assert_eq!(fresh(&before, &settings, &files, None, &none).manifests, rendered.manifests);

    let after = tree(&[cart(), vec![client("cart", "web", json!({}))]].concat());
    assert_eq!(whole(&after, &settings).outdated.len(), 2);
    // Until it is answered for, nobody knows that any of it goes.
    let lacking = fresh(&after, &settings, &files, Some(&as_main), &none);
    assert_eq!((lacking.unanswered.len(), ours(&lacking)), (1, 2));
    let away = Answering { known: Answers::default(), later: &none, begun: RefCell::default() };
    assert_eq!(render_asking(&after, &settings, &Scope::everything(&after), &files, &away), lacking);
    let newer = Settings::read("plugins: [{name: np, version: '2', kinds: [inbound-intents]}]\n").unwrap();
    let outdated = whole(&before, &newer).outdated;
    assert!(outdated[0].why.contains("is of np 1, and meshwright.yaml lists 2"), "{outdated:?}");

    // One file of two is not the whole answer.
    let mut half = files.clone();
    half.remove("clusters/gke/east/shop/cart/authorizationpolicy-cart-a.np.yaml");
    let outdated = render(&before, &settings, &Scope::everything(&before), Outside::AsMain(&half)).outdated;
    assert!(outdated[0].why.contains("came with 2 files of the same answer, and there are 1"), "{outdated:?}");
    let lacking = fresh(&before, &settings, &half, None, &none);
    assert_eq!((lacking.unanswered.len(), ours(&lacking)), (1, 1));
}

#[test]
fn a_unit_without_files_is_asked_about_only_where_it_changed() {
    let settings = listing(&["np"]);
    let before = tree(&cart());
    let (files, none) = (PluginFiles::default(), Answers::default());
    let as_main = render(&before, &settings, &Scope::everything(&before), Outside::AsMain(&files));
    assert!(fresh(&before, &settings, &files, Some(&as_main), &none).unanswered.is_empty());
    let after = tree(&[cart(), vec![client("cart", "web", json!({}))]].concat());
    assert_eq!(fresh(&after, &settings, &files, Some(&as_main), &none).unanswered.len(), 1);
}

#[test]
fn two_plugins_that_write_one_resource_are_both_named() {
    let tree = tree(&cart());
    let settings = listing(&["one", "two"]);
    let asked = lacking(&tree, &settings);
    let said = |answers: &Answers| -> Vec<String> {
        let rendered = fresh(&tree, &settings, &PluginFiles::default(), None, answers);
        let wrong = rendered.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let said = wrong.map(|finding| finding.message.clone()).collect();
        assert_eq!(asking(&tree, &settings, answers).0, rendered);
        said
    };
    let both = said(&answering(&asked, |_| vec![policy("cart-x")]));
    assert_eq!(both.len(), 1, "{both:?}");
    assert!(both[0].contains("the plugin two would write the same resource as the plugin one"), "{both:?}");
    let ours =
        said(&answering(&asked, |it| vec![policy(if &*it.input.plugin == "one" { "cart-allow" } else { "cart-y" })]));
    assert_eq!(ours.len(), 1, "{ours:?}");
    assert!(ours[0].contains("the plugin one would write the same resource as the plugin sm-config"), "{ours:?}");
    assert!(said(&answering(&asked, |it| vec![policy(&format!("cart-{}", it.input.plugin))])).is_empty());
}

/// Plugins whose answers are known when they are waited for.
struct Answering<'a> {
    known: Answers,
    later: &'a Answers,
    begun: RefCell<Vec<Vec<Question>>>,
}

impl Ask for Answering<'_> {
    fn answers(&self) -> &Answers {
        &self.known
    }

    fn begin(&self, questions: &[Question]) {
        self.begun.borrow_mut().push(questions.to_vec());
    }

    fn wait(&self, questions: &[Question]) {
        assert_eq!(*self.begun.borrow(), [questions]);
        let answered = questions.iter().filter_map(|it| Some((it.input.clone(), self.later.get(&it.input)?)));
        answered.for_each(|(input, answer)| self.known.put(input, Answer::clone(&answer), 0).unwrap());
    }
}

/// What is rendered where these answers come while what is built in is rendered, and what was asked.
fn asking(tree: &Tree, settings: &Settings, later: &Answers) -> (Rendered, Vec<Question>) {
    let plugins = Answering { known: Answers::default(), later, begun: RefCell::default() };
    let rendered = render_asking(tree, settings, &Scope::everything(tree), &PluginFiles::default(), &plugins);
    (rendered, plugins.begun.into_inner().concat())
}

#[test]
fn what_is_lacking_is_asked_once_while_what_is_built_in_is_rendered() {
    let (tree, settings, files) = (tree(&cart()), listing(&["np", "other"]), PluginFiles::default());
    let none = Answers::default();
    let lacking = fresh(&tree, &settings, &files, None, &none);
    assert_eq!(lacking.unanswered.len(), 2);
    assert_eq!(questions(&tree, &settings, &Scope::everything(&tree)), lacking.unanswered);
    let (rendered, asked) = asking(&tree, &settings, &none);
    assert_eq!((&rendered, &asked), (&lacking, &lacking.unanswered));

    // What is known before is not asked for.
    let known = answering(&asked[..1], |_| vec![policy("cart-a")]);
    let plugins = Answering { known: known.clone(), later: &none, begun: RefCell::default() };
    let rendered = render_asking(&tree, &settings, &Scope::everything(&tree), &files, &plugins);
    assert_eq!(plugins.begun.into_inner().concat(), asked[1..]);
    assert_eq!(rendered, fresh(&tree, &settings, &files, None, &known));

    // One of two answers.
    let answers = answering(&asked[..1], |_| vec![policy("cart-a")]);
    let (rendered, again) = asking(&tree, &settings, &answers);
    assert_eq!(again, asked);
    assert_eq!(rendered, fresh(&tree, &settings, &files, None, &answers));
    assert_eq!(rendered.unanswered, asked[1..]);
}

#[test]
fn what_main_has_is_not_asked_for() {
    let (tree, settings) = (tree(&cart()), listing(&["np"]));
    let answers = answering(&lacking(&tree, &settings), |_| vec![policy("cart-a")]);
    let (rendered, _) = asking(&tree, &settings, &answers);
    let files = on_main(&settings, &rendered);
    let plugins = Answering { known: Answers::default(), later: &answers, begun: RefCell::default() };
    assert_eq!(render_asking(&tree, &settings, &Scope::everything(&tree), &files, &plugins), rendered);
    assert!(plugins.begun.into_inner().concat().is_empty());
}

#[test]
fn plugins_are_asked_in_the_order_of_their_priorities() {
    let listed = |of: &str| format!("kinds: [inbound-intents], version: '1', name: {of}");
    let text = format!("plugins: [{{{}}}, {{{}, priority: 7}}, {{{}}}]\n", listed("b"), listed("c"), listed("a"));
    let settings = Settings::read(&text).unwrap();
    let order = |documents: &[String]| -> Vec<String> {
        lacking(&tree(documents), &settings).into_iter().map(|question| question.input.plugin.to_string()).collect()
    };
    assert_eq!(order(&cart()), ["c", "a", "b"]);
    let registered = document("dtc-controllers", "b", json!({"host": "np.mesh.svc", "port": 9000, "priority": 3}));
    assert_eq!(order(&[cart(), vec![registered]].concat()), ["b", "c", "a"]);
}
