//! A server that says what a real one cannot be made to say.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What it answers to a command; `None` is silence.
type Answers = dyn Fn(&[String]) -> Option<Vec<u8>> + Send + Sync;

pub(crate) struct Fake {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Answers what a connection begins with as a server does, and the rest as it is told.
    pub(crate) fn start(answers: impl Fn(&[String]) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fake = Self { port: listener.local_addr().unwrap().port(), heard: Arc::default() };
        let (answers, heard): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&fake.heard));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, heard) = (Arc::clone(&answers), Arc::clone(&heard));
                std::thread::spawn(move || serve(stream, &*answers, &heard));
            }
        });
        fake
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The first words of the commands that were heard, but for those a connection begins with.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, answers: &Answers, heard: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let words = words(&mut reader)?;
        let answer = match words[0].as_str() {
            "CLIENT" => Some(b"+OK\r\n".to_vec()),
            "PING" => Some(b"+PONG\r\n".to_vec()),
            "INFO" => {
                let info = "redis_version:7.0.15\r\nrun_id:fake\r\nmaxmemory_policy:noeviction\r\nrole:master\r\ncluster_enabled:0\r\n";
                Some(format!("${}\r\n{info}\r\n", info.len()).into_bytes())
            }
            _ => {
                heard.lock().unwrap().push(words[0].clone());
                answers(&words)
            }
        };
        if let Some(answer) = answer {
            writer.write_all(&answer).ok()?;
        }
    }
}

fn words(reader: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    (0..number(reader)?)
        .map(|_| {
            let mut bytes = vec![0; number(reader)? + 2];
            reader.read_exact(&mut bytes).ok()?;
            bytes.truncate(bytes.len() - 2);
            Some(String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}

fn number(reader: &mut BufReader<TcpStream>) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.get(1..)?.trim().parse().ok()
}
