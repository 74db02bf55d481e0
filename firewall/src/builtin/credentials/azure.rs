//! Keys of Microsoft Azure: those with a mark of their own, those in connection strings, those beside a name.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "azure_client_secret",
        title: "Azure AD client secret",
        label: "AZURE_KEY",
        anchor: Anchor::Words(&["Q~"]),
        pattern: "[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        reach: 4,
        before: Edge::Any,
        check: Some(tokens::token),
        yes: &["client_secret=2Qv8Q~KR0enURCmRrLtDhnpH2PWmhiuaE7b9OaoQ", r#""rua7Q~QoBfkNwnf8KfW0VWIwCVjySZeq4aWV0""#],
        no: &["8Q~", "aaa8Q~short"],
        ..TOKEN
    },
    Rule {
        id: "azure_storage_key",
        title: "Azure account key",
        label: "AZURE_KEY",
        anchor: Anchor::Words(&["AccountKey", "account_key", "storagekey"]),
        pattern: r#"(?i:account_?key|storage_?key)["\x27\s]{0,3}[=:]{1,2}["\x27\s]{0,3}(?P<v>[A-Za-z0-9/+]{60,88}={0,2})"#,
        after: Edge::NoAlnum,
        tail: Tail::Token,
        check: Some(tokens::real),
        yes: &[
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=JpcKkCcD8g1Y+06pRyWAda7y+ZDle0jk0dAd1Cd5EyFERMsXSmy7KeRWnZMzfJ2JjL08QuIkmYGAE0fG3SPMFF==",
        ],
        no: &["AccountKey=<key>"],
        ..TOKEN
    },
    Rule {
        id: "azure_key_signed",
        title: "Azure key with a signature of its service",
        label: "AZURE_KEY",
        anchor: Anchor::Words(&[
            "AzCa", "APIM", "AzSe", "AZDO", "+ASt", "+ARm", "+ACR", "AzFu", "ACDb", "AIoT", "AzIo", "+AMC", "+AEh", "JQQJ99",
        ]),
        pattern: r"[A-Za-z0-9/+_-]{30,80}(?:JQQJ99[A-Z0-9a-z]{4,12}(?:AAA|ACI|AZDO|AzSe|APIM)[A-Za-z0-9/+]{0,30}|AzCa[A-Za-z0-9/+]{5,9}|APIM[A-Za-z0-9/+]{5,9}|AzSe[A-Za-z0-9]{6,8}|AZDO[A-Za-z0-9]{4}|\+ASt[A-Za-z0-9/+]{5,9}|\+ARm[A-Za-z0-9/+]{5,9}|\+ACR[A-Za-z0-9/+]{5,9}|AzFu[A-Za-z0-9/+_-]{5,9}|ACDb[A-Za-z0-9/+]{5,9}|AIoT[A-Za-z0-9/+]{5,9}|\+AMC[A-Za-z0-9/+]{5,9}|\+AEh[A-Za-z0-9/+]{5,9})={0,2}",
        reach: 84,
        after: Edge::Any,
        check: Some(tokens::azure_signed),
        yes: &[
            r#""ettwAGJZnBS5NsQ3TvsCKqk3Hj8eoZjOHajxDituyDAzSeAAJJDbdx""#,
            "X6dVyzhoADo1LqnkCZtJhjEdZYfTfL3S8EEwgOdaxBCOOOmW15woJQQJ99BGACAAAAAAAAAAAAASAZDOwIYQ",
        ],
        no: &["vV7fKvPiOoRju5HbWg3TfBr0jaoArPuZ9HnzIm6MZIPk", "AAAAAzSeB"],
        ..TOKEN
    },
    Rule {
        id: "azure_shared_access_key",
        title: "Azure shared access key",
        label: "AZURE_KEY",
        anchor: Anchor::Words(&["SharedAccessKey", "SharedSecretValue", "SharedSecret", "PrimaryKey"]),
        pattern: r#"(?:SharedAccessKey|SharedSecretValue|SharedSecret|[pP]rimaryKey)["\x27\s]{0,3}[=:]["\x27\s]{0,3}(?P<v>[A-Za-z0-9/+%]{20,90}={0,2})"#,
        after: Edge::NoAlnum,
        tail: Tail::Token,
        check: Some(tokens::real),
        yes: &[
            "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=3ih0uPcRCFrv9RDE6YU2QmzOKYJl+uCuXAHhra/7BkG=",
        ],
        no: &["SharedAccessKey=…", "SharedAccessKeyName=RootManageSharedAccessKey"],
        ..TOKEN
    },
    Rule {
        id: "azure_sas",
        title: "signature of an Azure shared access URL",
        label: "AZURE_SAS",
        anchor: Anchor::Words(&["sig="]),
        pattern: "sig=(?P<v>[A-Za-z0-9%/+]{40,90}(?:%3[dD]|=)?)",
        after: Edge::Any,
        check: Some(tokens::real),
        needs: &["sv=", "se=", "sr=", "skn=", "sp=", "sharedaccesssignature", "api-version="],
        yes: &[
            "https://x.blob.core.windows.net/c?sv=2024-01-01&se=2030-01-01&sr=b&sp=r&sig=qmrn0zDUnOGIXRWowWqe6FJhb1ke9FaOtpLf9anGbTA%3D",
        ],
        no: &["sig=abc"],
        ..TOKEN
    },
    Rule {
        id: "azure_app_config",
        title: "Azure app configuration string",
        label: "AZURE_KEY",
        anchor: Anchor::Words(&["azconfig.io"]),
        pattern: r"https://[a-z0-9-]{3,60}\.azconfig\.io;Id=[^;\s]{4,60};Secret=[A-Za-z0-9+/]{30,90}={0,2}",
        reach: 72,
        after: Edge::NoAlnum,
        tail: Tail::Token,
        yes: &[
            "Endpoint=https://my-conf.azconfig.io;Id=ab1c-l0-s0:nw9vKJXfPSF7soR8tem2;Secret=OFRzwSQPGz/tNXVc0FuXu2uqP3skSSocNLw33VMbStB=",
        ],
        no: &["https://my-conf.azconfig.io"],
        ..TOKEN
    },
    Rule {
        id: "azure_key",
        title: "Azure service key by its name",
        label: "AZURE_KEY",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["azure", "cognitive", "Ocp-Apim-Subscription-Key", "ado_pat", "devops"]),
        pattern: assigned!(
            "(?:azure|cognitive|ocp-apim-subscription-key|ado_?pat|devops)",
            "(?:[A-Za-z0-9/+]{86}==|[A-Za-z0-9]{84}|[A-Za-z0-9]{52}|[0-9a-f]{32})"
        ),
        check: Some(tokens::named),
        yes: &[
            "AZURE_OPENAI_API_KEY=2c004f85b831fae5698aac4220837be2",
            "Ocp-Apim-Subscription-Key: b9a0301593e3252697eac956cea9a476",
            r#"azure_search_admin_key = "UEgAeq5rnzAeGtNbytQ3WwQcdwrsugwxCywjfWmZjC8qPiA7cgZR""#,
        ],
        no: &[r#"azure_region = "westeurope""#],
        ..TOKEN
    },
    Rule {
        id: "azure_devops_pat",
        title: "Azure DevOps token: 52 characters after a word for it",
        label: "AZURE_KEY",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["_pat", "token"]),
        pattern: r#"(?i:_pat|token)["\x27\s]{0,3}[=:]\s*["\x27]?(?P<v>[a-z0-9]{52})"#,
        before: Edge::Any,
        check: Some(tokens::random_value),
        yes: &[r#"$token = "qgd4u6n2xkzr7y5jwq3mbt6vhp2ecsla4ofi5dkn7wxz3yjr6mtq""#],
        no: &[r#"token = "aaaa""#],
        ..TOKEN
    },
    Rule {
        id: "azure_function_key",
        title: "Azure function key",
        label: "AZURE_KEY",
        anchor: Anchor::Words(&["code=", "x-functions-key"]),
        pattern: r#"(?:code=|x-functions-key["\x27]?\s*[:=]\s*["\x27]?)(?P<v>[A-Za-z0-9_/+-]{40,60}={1,2})"#,
        after: Edge::NoAlnum,
        check: Some(tokens::random_value),
        yes: &[
            "https://f.azurewebsites.net/api/run?code=FlU8rddYO3x9tVy8NmE2otQ1AdYpG7C2iBgdd2WtehfdJOAI0sUd8C==",
            "x-functions-key: N7f0u5Woe063l8GHegG2DMeKUeiN1wETgLVGpqIxmuwowrDBTfrOtK==",
        ],
        no: &["?code=abc"],
        ..TOKEN
    },
    Rule {
        id: "azure_openai_host",
        title: "host of an Azure OpenAI resource",
        label: "AZURE_HOST",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&[".openai.azure.com"]),
        pattern: r"[a-z0-9][a-z0-9-]{1,62}\.openai\.azure\.com",
        reach: 64,
        after: Edge::NoAlnum,
        yes: &["https://my-east.openai.azure.com/openai"],
        no: &[".openai.azure.com", "<name>.openai.azure.com"],
        ..TOKEN
    },
];
