//! Who gets in, and what is refused before any resource is touched.

use axum::body::Body;
use http::Request;
use serde_json::Value;

use crate::harness::{MASTER, World};

/// Every (method, path) of the document, with its parameters filled in.
async fn registry(world: &World) -> Vec<(String, String)> {
    let document = world.get("/admin/openapi.json").await.expect(200);
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let path = path.replace("{name}", "x").replace("{id}", "x").replace("{model}", "x").replace("{request_id}", "x");
            routes.push((method.to_uppercase(), path));
        }
    }
    assert!(routes.len() >= 52, "{routes:?}");
    routes
}

#[tokio::test]
async fn no_route_answers_without_the_master_key() {
    let world = World::new().await;
    let basic = format!("Basic {MASTER}");
    let bare = MASTER.to_owned();
    let hash: String = fluxa_admin_api::MasterKey::of(&crate::harness::PEPPER, MASTER).hash().iter().map(|b| format!("{b:02x}")).collect();
    let stored = format!("Bearer {hash}");
    for (method, path) in registry(&world).await {
        for credential in [None, Some("Bearer wrong"), Some("Bearer "), Some("Bearer"), Some(&basic), Some(&bare), Some(&stored)] {
            let mut request = Request::builder().method(method.as_str()).uri(&path).header("content-type", "application/json");
            if let Some(credential) = credential {
                request = request.header("authorization", credential);
            }
            let reply = world.raw(request.body(Body::from("{}")).unwrap()).await;
            assert_eq!(reply.status, 401, "{method} {path} with {credential:?}");
            assert_eq!(reply.headers["content-type"], "application/problem+json");
            assert!(reply.headers.contains_key("www-authenticate"));
            assert_eq!(reply.json()["status"], 401);
        }
    }
    assert_eq!(world.store.revision().await.unwrap().0, 0);
}

#[tokio::test]
async fn two_credentials_are_none() {
    let world = World::new().await;
    let request = Request::get("/admin/keys").header("authorization", format!("Bearer {MASTER}")).header("authorization", "Bearer x");
    assert_eq!(world.raw(request.body(Body::empty()).unwrap()).await.status, 401);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let world = World::new().await;
    let unauthorized = Request::get("/admin/keys").body(Body::empty()).unwrap();
    for reply in [
        world.get("/admin/keys").await,
        world.get("/admin/nothing").await,
        world.delete("/admin/keys").await,
        world.raw(unauthorized).await,
    ] {
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["referrer-policy"], "no-referrer");
        assert!(reply.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        assert!(!reply.headers.contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let world = World::new().await;
    for path in [
        "/admin",
        "/admin/",
        "/admin/users",
        "/admin/firewall",
        "/admin/keys/",
        "/v1/models",
        "//admin/keys",
        "/v1/../admin/keys",
        "/ADMIN/keys",
        "/admin/%2e%2e/keys",
    ] {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{path}");
    }
    let reply = world.delete("/admin/usage").await;
    assert_eq!(reply.status, 405);
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    assert_eq!(reply.json()["status"], 405);
}

#[tokio::test]
async fn bodies_are_judged_before_they_are_read() {
    let world = World::new().await;
    let with_type = |kind: &str, body: &str| {
        let request = Request::post("/admin/keys").header("authorization", format!("Bearer {MASTER}")).header("content-type", kind);
        request.body(Body::from(body.to_owned())).unwrap()
    };
    assert_eq!(world.raw(with_type("text/plain", "{\"name\":\"a\"}")).await.status, 415);
    assert_eq!(world.raw(with_type("application/x-www-form-urlencoded", "name=a")).await.status, 415);
    assert_eq!(world.raw(with_type("application/json; charset=utf-8", "{\"name\":\"a\"}")).await.status, 201);
    assert_eq!(world.raw(with_type("application/json", "{\"name\":")).await.status, 400);
    assert_eq!(world.raw(with_type("application/json", "")).await.status, 400);
    assert_eq!(world.raw(with_type("application/json", "[]")).await.status, 422);
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    assert_eq!(world.raw(with_type("application/json", &large)).await.status, 413);
    assert_eq!(world.send("POST", "/admin/keys", "{\"name\":\"b\",\"name\":\"c\"}").await.faults(), ["name"]);
}

#[tokio::test]
async fn guessing_is_slowed_and_ends_by_itself() {
    let world = World::new().await;
    let guess = |n: usize| Request::get("/admin/keys").header("authorization", format!("Bearer guess-{n}")).body(Body::empty()).unwrap();
    let mut statuses = Vec::new();
    for n in 0..40 {
        statuses.push(world.raw(guess(n)).await.status.as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 30);
    let reply = world.raw(guess(99)).await;
    assert_eq!(reply.status, 429);
    assert!(reply.headers.contains_key("retry-after"));
    world.pass(3);
    world.get("/admin/keys").await.expect(200);
}

#[tokio::test]
async fn unknown_query_parameters_are_named() {
    let world = World::new().await;
    assert_eq!(world.get("/admin/keys?teem=a").await.faults(), ["teem"]);
    assert_eq!(world.get("/admin/keys?limit=501").await.faults(), ["limit"]);
    assert_eq!(world.get("/admin/logs?from=never").await.faults(), ["from"]);
    assert_eq!(world.get("/admin/keys?cursor=%00garbage").await.faults(), ["cursor"]);
}

#[tokio::test]
async fn the_document_knows_exactly_the_fields_that_are_read() {
    let world = World::new().await;
    world.provider("p").await;
    let key = world.post("/admin/keys", serde_json::json!({ "name": "k" })).await.expect(201);
    let id = key["id"].as_str().unwrap();
    for path in ["/admin/teams", "/admin/organizations"] {
        world.post(path, serde_json::json!({ "name": "x" })).await.expect(201);
    }
    world.post("/admin/firewall/policies", serde_json::json!({ "name": "x" })).await.expect(201);
    let document = world.get("/admin/openapi.json").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    for (schema, method, path) in [
        ("ProviderNew", "POST", String::from("/admin/providers")),
        ("ProviderPatch", "PATCH", String::from("/admin/providers/p")),
        ("RoutePut", "PUT", String::from("/admin/routes/m")),
        ("KeyNew", "POST", String::from("/admin/keys")),
        ("KeyPatch", "PATCH", format!("/admin/keys/{id}")),
        ("KeyRotate", "POST", format!("/admin/keys/{id}/rotate")),
        ("TeamNew", "POST", String::from("/admin/teams")),
        ("TeamPatch", "PATCH", String::from("/admin/teams/x")),
        ("OrganizationNew", "POST", String::from("/admin/organizations")),
        ("OrganizationPatch", "PATCH", String::from("/admin/organizations/x")),
        ("PriceNew", "POST", String::from("/admin/prices")),
        ("FirewallRuleNew", "POST", String::from("/admin/firewall/rules")),
        ("FirewallPolicyNew", "POST", String::from("/admin/firewall/policies")),
        ("FirewallPolicyPut", "PUT", String::from("/admin/firewall/policies/x")),
        ("FirewallPolicyPatch", "PATCH", String::from("/admin/firewall/policies/x")),
        ("FirewallTest", "POST", String::from("/admin/firewall/test")),
        ("FirewallWhatIf", "POST", String::from("/admin/firewall/what-if")),
    ] {
        let mut promised: Vec<String> =
            document["components"]["schemas"][schema]["properties"].as_object().unwrap().keys().cloned().collect();
        let reply = world.send(method, &path, "{\"no_such_field\":1}").await.expect(422);
        let errors = reply["errors"].as_array().unwrap();
        let told = errors.iter().find(|error| error["field"] == "no_such_field").unwrap()["message"].as_str().unwrap().to_owned();
        let mut known: Vec<String> = told.rsplit_once("are ").unwrap().1.split(", ").map(str::to_owned).collect();
        promised.sort();
        known.sort();
        assert_eq!(known, promised, "{schema}");
    }
}

#[tokio::test]
async fn health_and_reload_answer() {
    let world = World::new().await;
    let health: Value = world.get("/admin/health").await.expect(200);
    assert_eq!(health["status"], "ok");
    assert!(health["breakers"].is_array());
    assert_eq!(world.send("POST", "/admin/reload", "").await.expect(200)["reloaded"], true);
    let vendors = world.get("/admin/vendors").await.expect(200);
    assert!(vendors["data"].as_array().unwrap().iter().any(|vendor| vendor["kind"] == "openai"));
}
