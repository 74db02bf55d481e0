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
        yes: &["aws_access_key_id = AKIAOAS32XRXMMN6YGSE", "Credential=ASIAS3BP6ETXXEHV4NOF/20260101/us-east-1/s3/aws4_request"],
        no: &["AKIAIOSFODNN7EXAMPLE", "AKIA54ATJYY6UQHL2K3EF", "AKIAXXXXXXXXXXXXXXXX"],
        ..TOKEN
    },
    Rule {
        id: "aws_secret_key",
        title: "AWS secret access key by its name",
        label: "AWS_SECRET_KEY",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["aws", "secret_access_key", "secretaccesskey", "SecretKey"]),
        pattern: assigned!("(?:aws|secret_?access_?key|secretkey)", "[A-Za-z0-9/+]{40}"),
        check: Some(tokens::aws_named),
        yes: &[
            "aws_secret_access_key = oRDEHGYu9mHBWIf6mLh7g+mpxl0K1yFLhdDRfOxJ",
            r#""SecretAccessKey": "VckRxjW/yCe1vdFV+BT15o/jXcYL6Fe55My0aO6o""#,
            r#"AWS_SECRET="sOYgmeXEFTzfYrty3e7XepL9E50eaqqHCkylsb/9""#,
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
        yes: &["AKIAO2U2OASFKKTJKGIC:6CtYXUJkNBpsBrxTotS/fLGKKKHkcERg1p5lSlwy"],
        no: &["AKIAHQ4NOEPUGPLMX74Y and more"],
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
            "AWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjCXX8xihbpS9ddmXiLuD7yU/IdkFGgZzKJNkHh2Ugsfn8o+z6lAi2kLEvWL/K0NyxUqQtyU2AXL4g5JV6skqQQuWWRdTRSbEmlTsC9Le7Cj/zVLM4EanC4UgsxhVSibdoQSz8QG9TDu09ciVfZweKbg==",
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
            "AWS_BEARER_TOKEN_BEDROCK=ABSKQmVkcm9ja0FQSUtleSojs1kVD1ezddGwZ8lfqvTUCwIRV9OBlpqILwuxggMR8bjY/66FqF0HEtkBscpWdOUto7Mew9C4wQISVEa9RYXcCgzADY6RQp2ppGSJBEdReoBX=",
            "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29ttjNlv/GqRM/gwQMLsE4A6xQK+KA+A0p2Dr7jWYoQbh1KaBmgYgQBuODbdSFc",
        ],
        no: &["ABSK40MSiM6GSTwi6Uhlk7wx", "bedrock-api-key-here"],
        ..TOKEN
    },
    Rule {
        id: "aws_mws_key",
        title: "Amazon Marketplace key",
        label: "AWS_MWS_KEY",
        anchor: Anchor::Words(&["amzn.mws."]),
        pattern: r"amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        yes: &["amzn.mws.acc5cd38-ec79-4347-4352-d916d3b49bd6"],
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
        yes: &["key=AIzafXgy_XTw0nUlzLgjg9Yn8TUjMrcwsRJ5zCB&x=1", "`AIzapK54V7LQKgkS5o0ub_XO0Uc8a0ovfP2qtml`"],
        no: &["AIzaZf5gOXpkLeryQkM67h31"],
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
        yes: &["google_client_secret = '6Pxp9tiIqQ1DTAtOE7FaEdbm'"],
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
            "access_token=ya29.a0kv2QY-mhu4906_XUo_owhVeHEQt7riKc2sr-7mvWyUdPIejJ5poLALwF_29UudAnUVLp-QOFwqueB9hxec7_JUAnntdRuHwSTUkqNz_-waCHRdwLk2Sfcf_f",
            "1//0pJUC8UlOxyLABdxTE5jJciyNWRbSKCOQoVwO7ledEcDfzLvoSRVXmWq8yQ4l",
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
        yes: &[r#""private_key_id": "a79746b96644d52774f1565ccd6bc7ab4b419daa""#],
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
        yes: &["client_id=254018514983-azp8ud8g6ugor8knorj7zk2ai30vnc5l.apps.googleusercontent.com"],
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
        yes: &["GOOG1E6PG3RR26VCU3WY9TFVWJ2J6NYQR614STD3T2GNPXQOPT7PHK47BUGRY"],
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
        yes: &["client_secret=81L8Q~oI6UsR4l6TI1bKG0M7TT6NZIUQVSv2lvfd", r#""2Li7Q~t5RWLQFJb8AxeqPQVx8YLYpSQ4UkWsu""#],
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
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Qhd9YOrg9DEt1elFm0pa97RXRt1p/wJmQf57n+AkIpWV81UqQjA5yJM6oAFzoqPb8daDIObC3lvSBklS5tWjGa==",
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
            r#""WV05rNh2bs8fLobMoEdR7LJA5zZFADJYhSv8mUyUnbAzSeAUaXDmFx""#,
            "zoOfcARRR5SeVY1fWXA0bn5HbGUNA5MR20oSbI8CpmONOJpJpvtjJQQJ99BGACAAAAAAAAAAAAASAZDOWyPR",
        ],
        no: &["4O6H6wg9mLDscvy3ZQ5gztI4m4M4VcrTBr98es8SAKU7", "AAAAAzSeB"],
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
            "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=8QuIkmYGAE0fG3SPMFFjMNT0B2LRL5HusiCtbtV7rNO=",
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
            "https://x.blob.core.windows.net/c?sv=2024-01-01&se=2030-01-01&sr=b&sp=r&sig=yDAJJDbdX6dVyzhoADo1LqnkCZtJhjEdZYfTfL3S8EE%3D",
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
            "Endpoint=https://my-conf.azconfig.io;Id=ab1c-l0-s0:wgOdaxBCOOOmW15wo0ps;Secret=ESRkRrCtPdmk3JtaC0IOAYyu3ih0uPcRCFrv9RDE6YU=",
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
            "AZURE_OPENAI_API_KEY=da36a9c82f575c68140fe6288686ce67",
            "Ocp-Apim-Subscription-Key: b82f3052f0972060d6ba2f97926a7a65",
            r#"azure_search_admin_key = "Hw0vuqRmFjtGOyxbApky2kBk1iRNuBjG7fJwwG4WhbtVUslPUN5U""#,
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
            "https://f.azurewebsites.net/api/run?code=BBxJtINawjnR3V30IePJzaS8b5iH727FrQkMxqh0d5FXvTJCLlnOtO==",
            "x-functions-key: 4rvv7yW1iQfMf1TbL6rgpXxCfxsOvbgTb56cH1lH6t8WhChfMJRUkS==",
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
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_ID=LTAI5tIfnsoKCZu0yslnJ8yC", "id是LTAIutTvGjL4So3HJWYmUEgA。"],
        no: &["LTAIxxxxxxxxxxxxxxxxxxxx", "VOLTAIeq5rnzAeGtNbytQ3WwQc"],
        ..TOKEN
    },
    Rule {
        id: "aliyun_secret",
        title: "Alibaba Cloud secret by its name",
        label: "ALIYUN_SECRET",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["aliyun", "alibaba", "ali_", "oss_", "accesskeysecret", "access_key_secret"]),
        pattern: assigned!("(?:aliyun|alibaba|ali_|oss_|access_?key_?secret)", "[A-Za-z0-9]{30}"),
        check: Some(tokens::named),
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_SECRET=dwrsugwxCywjfWmZjC8qPiA7cgZRFl", r#"accessKeySecret: "U8rddYO3x9tVy8NmE2otQ1AdYpG7C2""#],
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
        yes: &["TENCENTCLOUD_SECRET_ID=AKIDiBgdd2WtehfdJOAI0sUd8CN7f0u5Woe0"],
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
        check: Some(tokens::named),
        yes: &[
            "TENCENTCLOUD_SECRET_KEY=63l8GHegG2DMeKUeiN1wETgLVGpqIxmu",
            "HUAWEI_CLOUD_SK=WOWR31FRTZJ3JGBIU2VN1N34CPGTR1VGGYDEO23B",
            "BAIDU_SECRET_KEY=iBpTtXLaniVqBWsDHA0GTyJkyqRyNBFa",
            "ARK_API_KEY=3ce43f23-3881-2e45-9741-c37802fbbaaf",
            "VOLC_SECRETKEY=OzmWhZNCq564vFXqic+YiP0Gn3ocIG2w+NjErtRKnb08kRxqRC3Ba41wVO==",
        ],
        no: &["spark.version=3.5.0", r#"secret_key = "change""#],
        ..TOKEN
    },
    Rule {
        id: "fcm_key",
        title: "Firebase cloud messaging key",
        label: "GCP_KEY",
        anchor: Anchor::Words(&["AAAA"]),
        pattern: "AAAA[A-Za-z0-9_-]{7}:[A-Za-z0-9_-]{100,200}",
        tail: Tail::Word,
        check: Some(tokens::random_token),
        yes: &[
            "key=AAAAVCskw9I:GbSGjv5wgNqOKa90qYmmPQZcFHdC0VobOdIDCtm72qvqWJPDz78o8ZVFJSrxmdsAoOqwnQ59MF5kXDJa5v9gGgu5ptOf2Q5sjWknXcwJX87Aucvzq3vohgjYSIjiQpYkptitTdiN21Jp",
        ],
        no: &["AAAA:x"],
        ..TOKEN
    },
];
