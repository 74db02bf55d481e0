//! TLS and users.

use fluxa_loadtest::backends::Certificates;
use fluxa_store::shared::redis::RedisBulletin;
use fluxa_store::shared::{Bulletin as _, Notice};

use crate::harness::{PATIENCE, UNHURRIED, command, link, open, run};

#[tokio::test]
async fn tls_is_spoken_with_an_authority_of_ones_own_and_a_user() {
    let certificates = Certificates::make().unwrap();
    let (server, port) = certificates.redis(&[]).unwrap();
    // The rights that the documentation names.
    server.cli(&["acl", "setuser", "fluxa", "on", ">geheim", "~fluxa:*", "&fluxa:*", "+@all", "-@admin", "-@dangerous", "+info"]).unwrap();
    server.cli(&["acl", "setuser", "default", "off"]).unwrap();
    let ca = certificates.file("ca.crt").display().to_string();
    for host in ["127.0.0.1", "localhost"] {
        let link = link(&format!("rediss://fluxa:geheim@{host}:{port}?ca={ca}")).await;
        assert!(run(&link, &["SET", "fluxa:k", "v"]).await.is_ok());
        assert!(link.patient(&command(&["GET", "fluxa:k"])).await.is_ok());
        assert!(!link.server().version.is_empty());
        assert!(!format!("{link:?}").contains("geheim"));
        let bulletin = RedisBulletin::new(link);
        let mut notices = bulletin.subscribe();
        assert_eq!(tokio::time::timeout(PATIENCE, notices.next()).await.unwrap().unwrap().notice, Notice::resync());
    }
    for (url, why) in [
        (format!("rediss://fluxa:geheim@127.0.0.1:{port}"), "an authority that is not known"),
        (format!("rediss://fluxa:geheim@127.0.0.2:{port}?ca={ca}"), "a name that the certificate does not have"),
        (format!("redis://fluxa:geheim@127.0.0.1:{port}"), "no TLS"),
        (format!("rediss://fluxa:falsch@127.0.0.1:{port}?ca={ca}"), "a wrong password"),
    ] {
        let fault = open(&url, UNHURRIED).await.expect_err(why).to_string();
        assert!(!fault.contains("geheim") && !fault.contains("falsch"), "{fault}");
    }
}
