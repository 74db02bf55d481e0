//! First and later starts, on a store in memory.

use super::*;
use fluxa_store::LogFilter;

const NOW: Micros = Micros(1_800_000_000_000_000);

fn loaded(text: &str) -> Loaded {
    let config = Config::parse(text, "fluxa.yaml", &|_| None).unwrap();
    Loaded { config, file: Some(String::from("fluxa.yaml")), warnings: Vec::new() }
}

async fn start(store: &Arc<Store>, loaded: &Loaded, echo: Option<&str>) -> (Opened, Seeded) {
    let opened = settle(Arc::clone(store), SecretKey::new([7; 32]), &loaded.config).await.unwrap();
    let echo = echo.map(|text| text.parse().unwrap());
    let seeded = seed(&opened, loaded, echo, NOW, door(store)).await.unwrap();
    (opened, seeded)
}

fn door(store: &Arc<Store>) -> impl AsyncFnMut(Change) -> Result<(), String> {
    let store = Arc::clone(store);
    async move |change| store.commit(&seeds::actor("seed"), &change, NOW).await.map(|_| ()).map_err(|error| error.to_string())
}

const FILE: &str = "
providers: [ { name: x, kind: echo, base_url: http://127.0.0.1:1/v1 } ]
routes: [ { model: m, provider: x } ]
keys: [ { name: a } ]
";

#[tokio::test]
async fn a_first_start_plants_and_a_second_one_does_not() {
    let store = Arc::new(Store::in_memory().await.unwrap());
    let file = loaded(FILE);
    let (opened, seeded) = start(&store, &file, None).await;
    assert_eq!((opened.master.origin, seeded.made_keys.len(), store.routes().await.unwrap().len()), (Origin::Made, 1, 1));
    let told = facts(&opened, &file, &seeded, "0.0.0.0:80".parse().unwrap(), None, false).await.unwrap();
    assert_eq!((told.providers[0].source.as_str(), told.keys, told.example_model.as_deref()), ("fluxa.yaml, line 2", 1, Some("m")));

    let (again, seeded) = start(&store, &file, None).await;
    assert_eq!((again.master.origin, again.master.hash, again.plant), (Origin::Stored, opened.master.hash, false));
    assert!(again.master.fresh.is_none() && seeded.made_keys.is_empty());
    assert!(seeded.hints[0].contains("are not read"), "{:?}", seeded.hints);
}

#[tokio::test]
async fn a_start_that_died_half_way_is_finished() {
    let store = Arc::new(Store::in_memory().await.unwrap());
    let file = loaded(FILE);
    let opened = settle(Arc::clone(&store), SecretKey::new([7; 32]), &file.config).await.unwrap();
    let mut apply = door(&store);
    let mut count = 0;
    let died = seed(&opened, &file, None, NOW, async |change| {
        count += 1;
        if count > 1 { Err(String::from("killed")) } else { apply(change).await }
    })
    .await;
    assert!(died.unwrap_err().to_string().contains("killed"));
    let (opened, seeded) = start(&store, &file, None).await;
    assert!(opened.plant);
    assert_eq!((store.providers().await.unwrap().len(), store.routes().await.unwrap().len(), seeded.made_keys.len()), (1, 1, 1));
    assert!(!start(&store, &file, None).await.0.plant);
}

#[tokio::test]
async fn the_made_master_key_is_stored_only_hashed() {
    let store = Arc::new(Store::in_memory().await.unwrap());
    let (opened, _) = start(&store, &loaded(""), None).await;
    let text = opened.master.fresh.clone().unwrap();
    let stored = store.setting(master::SETTING).await.unwrap().unwrap();
    assert!(!stored.contains(text.expose().as_str()));
    assert_eq!(master::from_hex(&stored), Some(opened.master.hash));
}

#[tokio::test]
async fn the_demo_begins_with_usage_and_moves_its_echo_later() {
    let store = Arc::new(Store::in_memory().await.unwrap());
    let nothing = loaded("");
    let (_, seeded) = start(&store, &nothing, Some("127.0.0.1:1111")).await;
    let names: Vec<&str> = seeded.made_keys.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [demo::KEY, demo::TINY_KEY]);
    assert!(!store.entries(&LogFilter::default(), 10, None).await.unwrap().rows.is_empty());
    assert_eq!(store.prices().await.unwrap().len(), 1);

    let (_, seeded) = start(&store, &nothing, Some("127.0.0.1:2222")).await;
    assert!(seeded.made_keys.is_empty() && seeded.hints.len() == 1);
    let echo = store.provider(demo::ECHO).await.unwrap().unwrap();
    assert_eq!(echo.record.base_url.as_deref(), Some("http://127.0.0.1:2222/v1"));
}
