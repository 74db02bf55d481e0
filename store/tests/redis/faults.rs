//! Every error of a server is one of two faults.

use std::process::{Command, Stdio};

use fluxa_store::shared::redis::{Fault, LinkTuning, Script};
use redis::Value;

use crate::fake::Fake;
use crate::harness::{UNHURRIED, link, open, run, server, server_with, until};

fn shown(answer: &Result<Value, Fault>) -> String {
    match answer {
        Ok(value) => format!("answered {value:?}"),
        Err(Fault::Away(text)) => format!("away {text}"),
        Err(Fault::Refused(text)) => format!("refused {text}"),
    }
}

#[tokio::test]
async fn every_error_of_a_server_is_away_or_refused() {
    for (said, expect) in [
        ("-LOADING Redis is loading the dataset in memory", "away LOADING"),
        ("-READONLY You can't write against a read only replica.", "away READONLY"),
        ("-MOVED 3999 127.0.0.1:6381", "away MOVED"),
        ("-ASK 3999 127.0.0.1:6381", "away ASK"),
        ("-CLUSTERDOWN The cluster is down", "away CLUSTERDOWN"),
        ("-MASTERDOWN Link with MASTER is down", "away MASTERDOWN"),
        ("-TRYAGAIN Multiple keys request during rehashing of slot", "away TRYAGAIN"),
        ("-OOM command not allowed when used memory > 'maxmemory'.", "away OOM"),
        ("-MISCONF Errors writing to the AOF file", "away MISCONF"),
        ("-BUSY Redis is busy running a script.", "away BUSY"),
        ("-NOREPLICAS Not enough good replicas to write.", "away NOREPLICAS"),
        ("-NOSCRIPT No matching script.", "away NOSCRIPT"),
        ("-ERR max number of clients reached", "away ERR"),
        ("-NOAUTH Authentication required.", "refused NOAUTH"),
        ("-WRONGPASS invalid username-password pair", "refused WRONGPASS"),
        ("-NOPERM this user has no permissions", "refused NOPERM"),
        ("-WRONGTYPE Operation against a key holding the wrong kind of value", "refused WRONGTYPE"),
        ("-EXECABORT Transaction discarded because of previous errors.", "refused EXECABORT"),
        ("-CROSSSLOT Keys in request don't hash to the same slot", "refused CROSSSLOT"),
        ("-ERR syntax error", "refused ERR"),
        ("-ERR unknown command 'X', with args beginning with: 'geheim'", "refused ERR: unknown command 'X'"),
        ("-NEWERROR of a later version", "refused NEWERROR"),
        ("-ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write", "away READONLY"),
        ("-ERR Error running script (call to f_1): @user_script:3: WRONGTYPE Operation against", "refused WRONGTYPE"),
        ("-ERR Error running script (call to f_1): @user_script:3: user_script:3: attempt to index a nil value", "refused ERR"),
        ("HTTP/1.1 400 Bad Request", "away protocol"),
        ("$nonsense", "away protocol"),
    ] {
        let fake = Fake::start(move |_| Some(format!("{said}\r\n").into_bytes()));
        let link = open(&fake.url(), LinkTuning { connections: 1, ..UNHURRIED }).await.unwrap();
        let answer = shown(&run(&link, &["GET", "k"]).await);
        assert!(answer.starts_with(expect) && !answer.contains("geheim"), "{said}: {answer}");
    }
}

#[tokio::test]
async fn a_forgotten_script_is_loaded_unseen() {
    let fake =
        Fake::start(|words| Some(if words[0] == "EVAL" { b":7\r\n".to_vec() } else { b"-NOSCRIPT No matching script.\r\n".to_vec() }));
    let link_to_fake = link(&fake.url()).await;
    let script = Script::new("return 7");
    assert_eq!(link_to_fake.script(&script, &["k"], &[b"a"]).await, Ok(Value::Int(7)));
    assert_eq!(fake.heard(), ["EVALSHA", "EVAL"]);

    let server = server();
    let link = link(&server.url()).await;
    for _ in 0..2 {
        assert_eq!(link.script(&script, &["k"], &[]).await, Ok(Value::Int(7)));
        assert_eq!(link.patient_script(&script, &["k"], &[]).await, Ok(Value::Int(7)));
        server.cli(&["script", "flush"]).unwrap();
    }
    assert_eq!(link.commands(), 4);
}

#[tokio::test]
async fn a_real_server_out_of_memory_is_away_and_the_way_stays_open() {
    let server = server();
    let link = link(&server.url()).await;
    server.cli(&["config", "set", "maxmemory", "1"]).unwrap();
    for _ in 0..4 {
        let answer = shown(&run(&link, &["SET", "k", "v"]).await);
        assert!(answer.starts_with("away OOM"), "{answer}");
        let answer = shown(&link.script(&Script::new("return redis.call('SET', KEYS[1], 'v')"), &["k"], &[]).await);
        assert!(answer.starts_with("away OOM"), "{answer}");
    }
    assert_eq!(link.away(), None);
    assert!(run(&link, &["DEL", "k"]).await.is_ok(), "what frees memory is still sent");
}

#[tokio::test]
async fn a_real_master_that_became_a_replica_is_away_until_it_is_master_again() {
    let (server, other) = (server(), server());
    let link = link(&server.url()).await;
    server.cli(&["replicaof", "127.0.0.1", &other.port().to_string()]).unwrap();
    let answer = shown(&run(&link, &["SET", "k", "v"]).await);
    assert!(answer.starts_with("away READONLY"), "{answer}");
    server.cli(&["replicaof", "no", "one"]).unwrap();
    until("it is written again", async || run(&link, &["SET", "k", "v"]).await.is_ok()).await;
}

#[tokio::test]
async fn a_real_server_refuses_wrong_types_and_what_a_user_may_not_do() {
    let server = server();
    let link_of_all = link(&server.url()).await;
    run(&link_of_all, &["SET", "fluxa:k", "v"]).await.unwrap();
    let answer = shown(&run(&link_of_all, &["HGET", "fluxa:k", "f"]).await);
    assert!(answer.starts_with("refused WRONGTYPE"), "{answer}");
    let answer = shown(&link_of_all.script(&Script::new("return redis.call('HGET', KEYS[1], 'f')"), &["fluxa:k"], &[]).await);
    assert!(answer.starts_with("refused WRONGTYPE"), "{answer}");

    server.cli(&["acl", "setuser", "fluxa", "on", ">geheim", "~fluxa:*", "&fluxa:*", "+@all", "-@admin", "-@dangerous"]).unwrap();
    let url = format!("redis://fluxa:geheim@127.0.0.1:{}", server.port());
    let link = link(&url).await;
    assert_eq!(link.server().version, "", "INFO is not for this user, and it works all the same");
    assert!(run(&link, &["GET", "fluxa:k"]).await.is_ok());
    for words in [&["GET", "other"][..], &["FLUSHALL"]] {
        let answer = shown(&run(&link, words).await);
        assert!(answer.starts_with("refused NOPERM"), "{answer}");
    }
    for (url, expect) in
        [(url.replace("geheim", "falsch"), "refused WRONGPASS"), (url.replace("fluxa:geheim", "nobody:geheim"), "refused WRONGPASS")]
    {
        let answer = shown(&open(&url, UNHURRIED).await.map(|_| Value::Nil));
        assert!(answer.starts_with(expect) && !answer.contains("geheim") && !answer.contains("falsch"), "{answer}");
    }
    let guarded = server_with(&["--requirepass", "geheim"]);
    let answer = shown(&open(&guarded.url(), UNHURRIED).await.map(|_| Value::Nil));
    assert!(answer.starts_with("refused NOAUTH"), "{answer}");
}

#[tokio::test]
async fn a_real_server_that_is_busy_with_a_script_is_away() {
    let server = server_with(&["--busy-reply-threshold", "5"]);
    let link = link(&server.url()).await;
    let mut endless = Command::new("redis-cli")
        .args(["-p", &server.port().to_string(), "eval", "while true do end", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("it is busy", async || shown(&run(&link, &["GET", "k"]).await).starts_with("away BUSY")).await;
    server.cli(&["script", "kill"]).unwrap();
    endless.wait().unwrap();
    until("it answers", async || run(&link, &["GET", "k"]).await.is_ok()).await;
}

#[tokio::test]
async fn servers_that_would_lose_budgets_are_refused() {
    for (server, expect) in [
        (server_with(&["--maxmemory-policy", "allkeys-lru"]), "maxmemory-policy noeviction"),
        (server_with(&["--cluster-enabled", "yes"]), "redis+cluster://"),
    ] {
        let answer = shown(&open(&server.url(), UNHURRIED).await.map(|_| Value::Nil));
        assert!(answer.starts_with("refused") && answer.contains(expect), "{answer}");
    }
}
