//! Connection strings of keywords and values, and data source names.

use fluxa_domain::firewall::{Action, Confidence};

use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "ado_connection_string",
        title: "password of an ADO or ODBC connection string",
        label: "CONNECTION_STRING",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["password", "pwd"]),
        pattern: r#"(?i:password|pwd)["&\s]{0,4}=\s{0,3}["\x27]?(?P<v>\{[^}\n]{1,100}\}|[^;"\x27\s<>&]{1,100})"#,
        after: Edge::Any,
        check: Some(tokens::ado_password),
        needs: &[
            "user id",
            "userid",
            "uid=",
            "user=",
            "username=",
            "server=",
            "data source",
            "initial catalog",
            "database=",
            "host=",
            "driver=",
            "user name",
        ],
        yes: &[
            "Server=db;Database=x;User Id=sa;Password='mDKhujxbs';",
            "Server=db;Database=x;User Id=sa;Password=QizfTQSsx!;",
            "Provider=SQLOLEDB;Data Source=h;Uid=me;Pwd=NewOFqbYD",
        ],
        no: &["Server=db;User Id=sa;Password=${PW};", "password=secret"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "ado_connection_string_whole",
        title: "ADO or ODBC connection string, from its user on",
        label: "CONNECTION_STRING",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&["user id", "userid", "uid=", "uid =", "user ="]),
        pattern: r#"(?i:user ?id|uid|user)\s{0,3}=\s{0,3}[^;"\x27\n]{1,60}(?:;|["\x27& ]{1,8})[^"\n]{0,60}?(?i:password|pwd)\s{0,3}=\s{0,3}[^;"\x27\s<>]{1,80}"#,
        before: Edge::NoAlnum,
        after: Edge::Any,
        check: Some(tokens::ado_whole),
        yes: &["Server=h;User ID=app; Password=OiNjhHJ0Z;", "Data Source=x;uid=a;pwd=pfXxdAxd5;"],
        no: &["user id = 5"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "jdbc_password",
        title: "password in the parameters of a JDBC or other URL",
        label: "CONNECTION_STRING",
        anchor: Anchor::Words(&["password=", "passwd=", "pwd="]),
        pattern: r#"(?i:password|passwd|pwd)=(?P<v>[^&;"\x27\s<>)]{3,100})"#,
        after: Edge::Any,
        check: Some(tokens::ado_password),
        needs: &["://", "jdbc:"],
        yes: &[
            "jdbc:mysql://h:3306/db?user=app&password=x8u6zkb0zNIJ&useSSL=true",
            "jdbc:sqlserver://h:1433;user=sa;password=AcoWXFhGCVph;",
        ],
        no: &["jdbc:mysql://h/db?password=${PW}", "password=abc"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "oracle_thin_url",
        title: "Oracle connection URL with user and password",
        label: "CONNECTION_STRING",
        anchor: Anchor::Words(&["jdbc:oracle:"]),
        pattern: r#"jdbc:oracle:(?:thin|oci8?):[^\s/@"\x27]{1,60}/[^\s@"\x27]{1,80}@[^\s"\x27]{2,80}"#,
        after: Edge::Any,
        check: Some(tokens::real),
        yes: &["jdbc:oracle:thin:scott/Mho6qrAXN@db:1521:orcl"],
        no: &["jdbc:oracle:thin:@db:1521:orcl"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "pgpass",
        title: "line of a .pgpass file",
        label: "PASSWORD",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&[":5432:", "*:*:*:"]),
        pattern: r#"(?::5432|\*:\*):[A-Za-z0-9_*.-]{1,60}:[A-Za-z0-9_.*-]{1,60}:(?P<v>[^\s:"\x27]{3,80})"#,
        before: Edge::Any,
        after: Edge::Any,
        check: Some(tokens::password),
        yes: &["db.internal:5432:main:app:J67Wl9NiR988"],
        no: &["127.0.0.1:5432:5432", "db:5432:main:app:$PW"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "dsn_tcp_password",
        title: "Go or PHP data source name with its password",
        label: "CONNECTION_STRING",
        anchor: Anchor::Words(&["@tcp(", "@unix("]),
        pattern: r#"[A-Za-z0-9_.-]{1,40}:[^\s"\x27\x60@]{1,60}@(?:tcp|unix)\([^)\s]{1,80}\)"#,
        reach: 102,
        after: Edge::Any,
        check: Some(tokens::password),
        yes: &[r#"dsn := "root:3bCOCYqggflA@tcp(127.0.0.1:3306)/db""#],
        no: &["@tcp(127.0.0.1:3306)"],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "php_database_user",
        title: "user and password of a database in a program, one behind the other",
        label: "PASSWORD",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&["$user", "$dbuser", "$db_user", "$username"]),
        pattern: r#"\$(?i:(?:db_?)?user(?:name)?)\s{0,3}=\s{0,3}\\?["\x27][^"\x27\n]{1,60}["\x27];?\s{0,20}\$(?i:(?:db_?)?pass(?:word|wd)?)\s{0,3}=\s{0,3}[\\"\x27]{0,2}[^\s"\x27;\\]{3,60}"#,
        before: Edge::Any,
        after: Edge::Any,
        check: Some(tokens::ado_whole),
        yes: &[r#"$user = "app"; $password = "Kr2SO656e";"#],
        no: &[r#"$user = "app"; $host = "x";"#, r#"$user = "app"; $password = $_POST["p"];"#],
        ..Rule::CREDENTIAL
    },
    Rule {
        id: "libpq_keywords",
        title: "libpq connection string with its password",
        label: "CONNECTION_STRING",
        anchor: Anchor::Words(&["password="]),
        pattern: r#"password=(?P<v>[^\s"\x27;&]{3,80})"#,
        before: Edge::NoWord,
        after: Edge::Any,
        check: Some(tokens::ado_password),
        needs: &["host=", "dbname=", "user=", "hostaddr="],
        yes: &["host=db port=5432 user=app password=58em0pBoG45v dbname=main"],
        no: &["password=uFdrdkhBRzXr"],
        ..Rule::CREDENTIAL
    },
];
