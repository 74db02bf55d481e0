//! Keys of clouds: AWS, Google, Azure, and those of China.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Edge, Rule, Tail};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "aws_access_key",
        title: "AWS access key id",
        label: "AWS_ACCESS_KEY",
        anchor: Anchor::Words(&["AKIA", "ASIA", "ABIA", "ACCA", "AROA", "AIDA", "AGPA", "AIPA", "ANPA", "ANVA", "APKA", "A3T"]),
        pattern: "(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|AIPA|ANPA|ANVA|APKA)[A-Z0-9]{16}",
        after: Edge::NoAlnum,
        check: Some(tokens::aws_id),
        yes: &["aws_access_key_id = AKIARRHVDWXY6PK3GUQ6", "Credential=ASIA4LWOV6UCRF6PYOR3/20260101/us-east-1/s3/aws4_request"],
        no: &["AKIAIOSFODNN7EXAMPLE", "AKIAFWTCQ3LXGUQD2L7LV", "AKIAXXXXXXXXXXXXXXXX"],
        ..TOKEN
    },
    Rule {
        id: "aws_secret_key",
        title: "AWS secret access key by its name",
        label: "AWS_SECRET_KEY",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["aws", "secret_access_key", "secretaccesskey", "SecretKey"]),
        pattern: assigned!("(?:aws|secret_?access_?key|secretkey)", "[A-Za-z0-9/+]{40}"),
        check: Some(tokens::aws_secret),
        yes: &[
            "aws_secret_access_key = 4O+HLlF8azW76+v7oglgOiSU6bx1Zw8QO6tYsaue",
            r#""SecretAccessKey": "2/5ytlfJrPsntkLbOxqhV4LSpEycUOTPydKNfMWG""#,
            r#"AWS_SECRET="1vYdwJNxfwha23YVLqNeAqk4yPAnKmYbWqXkiIvL""#,
        ],
        no: &["aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_region = us-east-1"],
        ..TOKEN
    },
    Rule {
        id: "aws_secret_beside_id",
        title: "AWS secret access key beside its id",
        label: "AWS_SECRET_KEY",
        anchor: Anchor::Words(&["AKIA", "ASIA"]),
        pattern: r#"(?:AKIA|ASIA)[A-Z0-9]{16}["'\x60]?[\s,;:|/]{1,4}["'\x60]?(?:[\w ]{0,30}[=:]\s{0,2}["']?)?(?P<v>[A-Za-z0-9/+]{40})"#,
        check: Some(tokens::aws_secret),
        yes: &["AKIAPVJRAPIVZ7FDJE3K:KmmTt1PsaSjYjXFl0ypLZuMikWAC1W4jnBHWaJHk"],
        no: &["AKIAXYIHW5EZZSXC4WKJ and more"],
        ..TOKEN
    },
    Rule {
        id: "aws_session_token",
        title: "AWS session token",
        label: "AWS_SESSION_TOKEN",
        anchor: Anchor::Words(&["aws_session_token", "sessiontoken", "security_token", "x-amz-security-token"]),
        pattern: assigned!("(?:aws_session_token|sessiontoken|security_token|x-amz-security-token)", "[A-Za-z0-9/+%]{100,180}"),
        tail: Tail::Token,
        check: Some(tokens::real),
        yes: &[
            "AWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjSh3jnQVNHjL5xG8TuyR5IJi2FonC5xlVPfvaJ0WxhSk7OBzIH+3IVB8f+saiiQc9TcPcQepqL76zPE1s3vlk5WIOOqRubZt+zHSCRWHn8iw7C8hPvIoL1Bx4k9RBv31yWDS4dkAzmW4Q0vgHrlgYt0==",
        ],
        no: &["aws_session_token = none"],
        ..TOKEN
    },
    Rule {
        id: "aws_bedrock_key",
        title: "AWS Bedrock API key",
        label: "AWS_BEDROCK_KEY",
        anchor: Anchor::Words(&["ABSK", "bedrock-api-key-"]),
        pattern: "(?:ABSK[A-Za-z0-9+/]{100,180}|bedrock-api-key-[A-Za-z0-9+/=_-]{30,180})",
        tail: Tail::Token,
        yes: &[
            "AWS_BEARER_TOKEN_BEDROCK=ABSKQmVkcm9ja0FQSUtleSWuDVbgaHbQ0AHwQUquA9B1iYhkQI+4WJGlHmGNJD+E2dKWRqWncWlZWP+RuC7xq1U1g5t1k2l5AYkswUsCmguL7aRW9EA5gNGLwcJP5nN14MQi=",
            "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tBL22158GJj9NG5cJfuiBV0/nQc9KxUEqVK8Ut5UcLRbF4xlDK1AfhRDhZyPZ",
        ],
        no: &["ABSKSd1L0UwLCcIQutkoIlba", "bedrock-api-key-here"],
        ..TOKEN
    },
    Rule {
        id: "aws_mws_key",
        title: "Amazon Marketplace key",
        label: "AWS_MWS_KEY",
        anchor: Anchor::Words(&["amzn.mws."]),
        pattern: r"amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["amzn.mws.a4741f1b-8ea6-de5e-540c-2ef37aafcc1c"],
        no: &["amzn.mws.key"],
        ..TOKEN
    },
    Rule {
        id: "gcp_key",
        title: "Google API key",
        label: "GCP_KEY",
        anchor: Anchor::Words(&["AIza"]),
        pattern: "AIza[A-Za-z0-9_-]{35}",
        after: Edge::NoAlnum,
        yes: &["key=AIzahcgR-d-L3aK0GD7rBm83meaALBRFMZjaXnb&x=1", "`AIzadoe7fFGEWZxXVzpK8jaALwARobK8xCzn3Kn`"],
        no: &["AIzaJKG6uJ92gVZc36gFCMs1"],
        ..TOKEN
    },
    Rule {
        id: "gcp_oauth_secret",
        title: "Google OAuth client secret",
        label: "GCP_KEY",
        anchor: Anchor::Words(&["GOCSPX-"]),
        pattern: "GOCSPX-[A-Za-z0-9_-]{20,40}",
        tail: Tail::Word,
        yes: &[r#""client_secret":"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""#],
        no: &["GOCSPX-…"],
        ..TOKEN
    },
    Rule {
        id: "gcp_oauth_client_secret",
        title: "Google OAuth client secret of the older form, by its name",
        label: "GCP_KEY",
        confidence: Confidence::Medium,
        action: Action::Mask,
        anchor: Anchor::Words(&["client_secret", "clientsecret", "client secret"]),
        pattern: assigned!("client[_ -]?secret", "[A-Za-z0-9_-]{24}"),
        check: Some(tokens::random_value),
        yes: &["google_client_secret = 'TdWVmyKEZy0CPgj0pFPUwL3h'"],
        no: &[r#"client_secret = "see-the-vault-for-a-key""#, "client_secret: <secret>"],
        ..TOKEN
    },
    Rule {
        id: "gcp_oauth_token",
        title: "Google OAuth access or refresh token",
        label: "GCP_TOKEN",
        anchor: Anchor::Words(&["ya29.", "1//0"]),
        pattern: r"(?:ya29\.[A-Za-z0-9_-]{30,200}|1//0[A-Za-z0-9_-]{40,120})",
        tail: Tail::Word,
        yes: &[
            "access_token=ya29.a0w-0wxr78ZWoNrc62J3tRx3kIpsUqjtVmwk0MbtJ2ReSwr1PPTEnz_6KhrVbXD-QMwTuWlXXH-m9yeRcyn-XN7kUd-u7CXwlE0_mD-bmlTo1-Kd5mPtcqJf5l",
            "1//01orX3Pp8QHMNBrNO8kc-l3p6niB8_X02kNfek6idIs5eLOSNCp2FPgyisxsa",
        ],
        no: &["ya29.c", "1//0"],
        ..TOKEN
    },
    Rule {
        id: "gcp_service_account",
        title: "Google service account key file",
        label: "GCP_KEY",
        anchor: Anchor::Words(&["private_key_id"]),
        pattern: r#"private_key_id["\x27\\]{0,3}\s*[:=]\s*["\x27\\]{0,3}(?P<v>[0-9a-f]{40})"#,
        check: Some(tokens::real),
        yes: &[r#""private_key_id": "22f3345a534d80bda202b711e5ab932ec7301235""#],
        no: &[r#""private_key_id": "none""#],
        ..TOKEN
    },
    Rule {
        id: "gcp_oauth_client",
        title: "Google OAuth client id",
        label: "GCP_CLIENT",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&[".apps.googleusercontent.com"]),
        pattern: r"[0-9]{6,14}-[a-z0-9]{24,40}\.apps\.googleusercontent\.com",
        reach: 60,
        yes: &["client_id=763916006990-rg4r3mt60jn3445q0p0ia4vu1u8ieasc.apps.googleusercontent.com"],
        no: &["x.apps.googleusercontent.com"],
        ..TOKEN
    },
    Rule {
        id: "gcp_service_account_mail",
        title: "address of a Google service account",
        label: "GCP_ACCOUNT",
        confidence: Confidence::Low,
        action: Action::Alert,
        anchor: Anchor::Words(&[".iam.gserviceaccount.com"]),
        pattern: r"[a-z0-9][a-z0-9-]{2,62}@[a-z0-9.-]{4,60}\.iam\.gserviceaccount\.com",
        reach: 126,
        yes: &["robot@my-project-1.iam.gserviceaccount.com"],
        no: &["iam.gserviceaccount.com"],
        ..TOKEN
    },
    Rule {
        id: "gcs_hmac_key",
        title: "Google storage HMAC key id",
        label: "GCS_HMAC_KEY",
        anchor: Anchor::Words(&["GOOG1", "GOOG"]),
        pattern: "GOOG[0-9A-Z](?:[A-Z0-9]{45,60}|[A-Z0-9]{15,19})",
        check: Some(tokens::digits_in),
        yes: &["GOOG1ESKWEQV8L34CP9B63L1KJ8HHQYU8B2ERFFVV4VCX65IRY6EIOF9TFCYN"],
        no: &["GOOGLE_APPLICATION_CREDENTIALS"],
        ..TOKEN
    },
    Rule {
        id: "azure_client_secret",
        title: "Azure AD client secret",
        label: "AZURE_KEY",
        anchor: Anchor::Words(&["Q~"]),
        pattern: "[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        reach: 4,
        before: Edge::Any,
        check: Some(tokens::token),
        yes: &["client_secret=hHu8Q~8DVTe0aNerufmSx3vS32yATfLJV2QbduFS", r#""IEr7Q~5i9m6rCgFVDYLW6PBTT6F7uBNvb1yR3""#],
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
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=QEjaT+YwoQf0RqWZnhhNNPhIHyOtRduR5l5fiAmZn1ZLA4MCbK31VIVzyA8XnLiK2dF8iMVUipR4BDl74aNsWX==",
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
            r#""rMcRDg1sMd1D1VKdOY2FG0gN0hlHQfAsNA7mpsdbMoAzSeALvculrx""#,
            "xbVfNvlReY42yFmSocAkbpxSWFnLwOAChF5VZeybzLWOsDHpPcCCJQQJ99BGACAAAAAAAAAAAAASAZDOtmHK",
        ],
        no: &["6AauPDh8j4uz60dg57S31GXcRPypQpw5mNcZHYzijmB0", "AAAAAzSeB"],
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
            "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=e7XepL9E50eaqqHCkylsb/9D1O0CaKluvNtunqe6CtY=",
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
            "https://x.blob.core.windows.net/c?sv=2024-01-01&se=2030-01-01&sr=b&sp=r&sig=31yx0VrZJ2ftnYhY68jnT38iOlwh8jwI0Fcs1GXqsss%3D",
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
            "Endpoint=https://my-conf.azconfig.io;Id=ab1c-l0-s0:qJJU1fLUUP54bp8vdGNA;Secret=p5lSlwypH4BDiEOmExzV/4WCXX8xihbpS9ddmXiLuD7=",
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
        check: Some(tokens::random_value),
        yes: &[
            "AZURE_OPENAI_API_KEY=6bf802781c6989281db1413f3f6e262d",
            "Ocp-Apim-Subscription-Key: 2975c9f9d965b4a46bd6c9e1e8be424a",
            r#"azure_search_admin_key = "vO3HXkyyZvbNwTvSYwTapgfMw1P2G1joEsG6cDQRoe3FXmxs1tCX""#,
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
            "https://f.azurewebsites.net/api/run?code=paXgoICxHdjMl1dxw90R9Qe2a0T2WbXhvUwmEIvNOqS4HEwVo2kANQ==",
            "x-functions-key: E26NbTex6czlZ7cQsVa9dJhUeT7jAfVxIoA3NWcm5TbbqlzEfNXX5c==",
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
    Rule {
        id: "aliyun_key",
        title: "Alibaba Cloud access key id",
        label: "ALIYUN_KEY",
        anchor: Anchor::Words(&["LTAI"]),
        pattern: "LTAI[A-Za-z0-9]{12,26}",
        check: Some(tokens::random_token),
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_ID=LTAI5tikTTRMTw1L1RxoIOLP", "id是LTAITlrTUvVxEunfMRhirQXs。"],
        no: &["LTAIxxxxxxxxxxxxxxxxxxxx", "VOLTAIl0klddRtYvTYEaNezFD2"],
        ..TOKEN
    },
    Rule {
        id: "aliyun_secret",
        title: "Alibaba Cloud secret by its name",
        label: "ALIYUN_SECRET",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["aliyun", "alibaba", "ali_", "oss_", "accesskeysecret", "access_key_secret"]),
        pattern: assigned!("(?:aliyun|alibaba|ali_|oss_|access_?key_?secret)", "[A-Za-z0-9]{30}"),
        check: Some(tokens::random_value),
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_SECRET=GMRDpipA6qVL1pjY1fnjRWb8h5HPOy", r#"accessKeySecret: "buxjIhZ8DW0Y8tZcUTlEoCl6vNr57w""#],
        no: &["oss_endpoint=oss-cn-hangzhou"],
        ..TOKEN
    },
    Rule {
        id: "tencent_key",
        title: "Tencent Cloud secret id",
        label: "TENCENT_KEY",
        anchor: Anchor::Words(&["AKID"]),
        pattern: "AKID[A-Za-z0-9]{13,40}",
        check: Some(tokens::random_token),
        yes: &["TENCENTCLOUD_SECRET_ID=AKIDxpX1a1G7E4vzI94JRyKbNodmZVnR0Mo4"],
        no: &["AKIDxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Rule {
        id: "tencent_secret",
        title: "Tencent, Huawei, Baidu, Volcengine or other cloud secret by its name",
        label: "CLOUD_SECRET",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&[
            "tencent",
            "qcloud",
            "huawei",
            "hwcloud",
            "obs_",
            "baidu",
            "bce_",
            "qianfan",
            "wenxin",
            "volc",
            "ark_",
            "minimax",
            "moonshot",
            "dashscope",
            "qwen",
            "siliconflow",
            "baichuan",
            "stepfun",
            "hunyuan",
            "spark",
            "iflytek",
            "xfyun",
            "secretkey",
            "secret_key",
            "access_key",
        ]),
        pattern: assigned!(
            "(?:tencent|qcloud|huawei|hwcloud|obs_|baidu|bce_|qianfan|wenxin|volc|ark_|minimax|moonshot|dashscope|qwen|siliconflow|baichuan|stepfun|hunyuan|spark|iflytek|xfyun|secret_?key|access_?key)",
            "(?:[A-Za-z0-9+/]{42,60}={1,2}|[A-Za-z0-9]{40}|[A-Za-z0-9]{36}|[A-Za-z0-9]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9]{24}|[A-Za-z0-9]{20})"
        ),
        check: Some(tokens::random_value),
        yes: &[
            "TENCENTCLOUD_SECRET_KEY=zDvvhBhPhGq02wrSnp6Xb2vK6S5Qch7L",
            "HUAWEI_CLOUD_SK=NYJETFK5QIVT5DLVTSJP2N3LVS5SN5N0H1OI3EYZ",
            "BAIDU_SECRET_KEY=hva9dAsZanYgdzQG1GdvM9nVk5W3uGoa",
            "ARK_API_KEY=55bbacc5-cd38-ec79-4347-4352d916d3b4",
            "VOLC_SECRETKEY=LS0yfXgy+XTw0nUlzLgjg9Yn8TUjMrcwsRJ5zCBpK54V7LQKgkS5o0ub+X==",
        ],
        no: &["spark.version=3.5.0", r#"secret_key = "change""#],
        ..TOKEN
    },
];
