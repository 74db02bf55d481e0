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
        yes: &["client_secret=Dmt8Q~GAjTnZRVND9S0M1E9QOXE0FUqXTApA9Nia", r#""Evu7Q~BOu9IieY8a9scskXwe2qvIQlD2EcPRp""#],
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
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=d7x2vtpoHWOd5jJllQQ9QfV+qJWjrDkMkeWBpO6ibjIOkyUQX1lchP+9JryJ5n/63+O3RcXQEjaT+YwoQf0RqW==",
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
            r#""RzWgddG4tXtud4Y1rqRNTm0LujvJ9bOkKv0CfCNcXeAzSeAnLXg6zx""#,
            "4gAzPsnCUtoaVsKBAxrMx9XmTmN6n37T6EyLgsXesBb7pPE4etOZJQQJ99BGACAAAAAAAAAAAAASAZDOxxKe",
        ],
        no: &["LHh3S2V45vIHCI2noHXfIDCatHjY11yy097EuUqhP3Sl", "AAAAAzSeB"],
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
            "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=xJVckRxjW/yCe1vdFV+BT15o/jXcYL6Fe55My0aO6os=",
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
            "https://x.blob.core.windows.net/c?sv=2024-01-01&se=2030-01-01&sr=b&sp=r&sig=4uz60dg57S31GXcRPypQpw5mNcZHYzijmB0cIDychsE%3D",
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
            "Endpoint=https://my-conf.azconfig.io;Id=ab1c-l0-s0:j6OaFHEXoIAX2uAoaS8s;Secret=luvNtunqe6CtYXUJkNBpsBrxTotS/fLGKKKHkcERg1p=",
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
            "AZURE_OPENAI_API_KEY=e2b25638e6727a3756bfec7ccf52103b",
            "Ocp-Apim-Subscription-Key: f003c2957e6bf802781c6989281db141",
            r#"azure_search_admin_key = "gEhFYmOD2Ofn5eX1SBfspLkysF7sAtmlxMivOjmJxT4KBnWUysUC""#,
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
            "https://f.azurewebsites.net/api/run?code=4d4HTCSrxIDjfUivvO3HXkyyZvbNwTvSYwTapgfMw1P2G1joEsG6cD==",
            "x-functions-key: QRoe3FXmxs1tCXpaXgoICxHdjMl1dxw90R9Qe2a0T2WbXhvUwmEIvN==",
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
