use super::*;

const NOW: Micros = Micros(1_800_000_000_000_000);

fn access(id: &str) -> Arc<KeyAccess> {
    let record = format!(
        r#"{{"id":"{id}","name":"{id}","models":[],"limits":{{}},"budget_mode":"strict","budget_clamp":false,"time_zone":"UTC","enabled":true,
        "expires_at":null,"ip_allowlist":[],"team":null,"show_spend":false,"tags":{{}},"last4":"1234","created_at":1,"updated_at":1}}"#
    );
    let key: KeyRecord = serde_json::from_str(&record).unwrap();
    Arc::new(KeyAccess { key, doors: vec![KeyDoor { hash: [7; 32], until: None }, KeyDoor { hash: [8; 32], until: Some(NOW) }] })
}

fn configuration() -> Configuration {
    let record = serde_json::from_value(serde_json::json!({
        "name": "openai", "kind": "openai", "base_url": null, "anthropic_base_url": null, "headers": {},
        "timeouts": { "connect_ms": null, "first_byte_ms": null, "idle_ms": null }, "api_version": null, "deployments": {},
        "region": null, "enabled": true, "created_at": 1, "updated_at": 1
    }))
    .unwrap();
    let secrets = ProviderSecrets {
        api_keys: vec![ApiKey { key: Secret::new(String::from("sk-canary")), weight: 3 }],
        session_token: Some(Secret::new(String::from("token-canary"))),
        ..ProviderSecrets::default()
    };
    Configuration { revision: Revision(41), providers: vec![Provider { record, secrets }], ..Configuration::default() }
}

fn last_known(folder: &Path, key: u8) -> LastKnown {
    LastKnown::new(folder, Sealer::new([key; 32])).with_master(Some([9; 32]))
}

#[test]
fn what_was_written_is_recalled_and_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let kept = last_known(&folder.path().join("spool"), 1);
    assert!(kept.recall().unwrap().is_none());
    kept.merge(|| vec![access("a"), access("b")]);
    assert!(kept.is_behind(Revision(41)));
    kept.write(&configuration(), NOW).unwrap();
    assert!(!kept.is_behind(Revision(41)) && kept.is_behind(Revision(42)));

    let recalled = last_known(&folder.path().join("spool"), 1).recall().unwrap().unwrap();
    assert_eq!(recalled.configuration.providers, configuration().providers);
    assert_eq!((recalled.configuration.revision, recalled.written_at, recalled.master), (Revision(41), NOW, Some([9; 32])));
    let mut ids: Vec<&str> = recalled.keys.iter().map(|access| access.key.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(recalled.keys[0].doors, access("a").doors);

    let bytes = std::fs::read(kept.path()).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"canary"));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(kept.path()).unwrap()) & 0o777, 0o600);
}

#[test]
fn a_key_that_changed_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let kept = last_known(folder.path(), 1);
    kept.merge(|| vec![access("a"), access("b")]);
    kept.forget(&[String::from("a")]);
    kept.write(&configuration(), NOW).unwrap();
    assert_eq!(kept.recall().unwrap().unwrap().keys, [(*access("b")).clone()]);
    kept.forget_all();
    assert!(kept.is_behind(Revision(41)));
    kept.write(&configuration(), NOW).unwrap();
    assert!(kept.recall().unwrap().unwrap().keys.is_empty());
}

#[test]
fn a_file_that_was_changed_or_is_of_another_installation_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let kept = last_known(folder.path(), 1);
    kept.write(&configuration(), NOW).unwrap();
    assert!(last_known(folder.path(), 2).recall().unwrap_err().to_string().contains("cannot be believed"));
    let text = std::fs::read_to_string(kept.path()).unwrap();
    for cut in [0, 3, text.len() / 2, text.len() - 1] {
        std::fs::write(kept.path(), &text[..cut]).unwrap();
        assert!(kept.recall().is_err(), "cut at {cut}");
    }
}
