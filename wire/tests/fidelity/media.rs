//! Pictures, sounds and documents in requests.

use super::judge::{Feature, row};

pub(super) const MEDIA: &[Feature] = &[
    row(
        "a picture in the request",
        [
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAAN"}}]}]}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgoAAAAN"}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAAN"}}]}]}"#,
            r#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAAN"}}]}]}"#,
        ],
        [
            r#"{"image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAAN"}}"#,
            r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAAN"}}"#,
            r#"{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAAN"}}"#,
            r#"{"image":{"format":"png","source":{"bytes":"iVBORw0KGgoAAAAN"}}}"#,
        ],
    ),
    row(
        "a picture at an address",
        [
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://pictures.example/a.png"}}]}]}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://pictures.example/a.png"}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://pictures.example/a.png"}}]}]}"#,
            r#"{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"image/png","fileUri":"https://pictures.example/a.png"}}]}]}"#,
        ],
        [
            r#"{"image_url":{"url":"https://pictures.example/a.png"}}"#,
            r#"{"type":"image","source":{"type":"url","url":"https://pictures.example/a.png"}}"#,
            r#"{"fileData":{"fileUri":"https://pictures.example/a.png"}}"#,
            "",
        ],
    ),
    row(
        "how closely a picture is looked at",
        [
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAAN","detail":"low"}}]}]}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_image","detail":"low","image_url":"data:image/png;base64,iVBORw0KGgoAAAAN"}]}]}"#,
            "",
            r#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAAN"},"mediaResolution":{"level":"MEDIA_RESOLUTION_LOW"}}]}]}"#,
        ],
        [
            r#"{"image_url":{"detail":"low"}}"#,
            "",
            r#"{"mediaResolution":{"level":"MEDIA_RESOLUTION_LOW"}}|{"mediaResolution":"MEDIA_RESOLUTION_LOW"}"#,
            "",
        ],
    ),
    row(
        "a PDF",
        [
            r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"plan.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}}]}]}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_file","filename":"plan.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"document","title":"plan.pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQK"}}]}]}"#,
            r#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"application/pdf","data":"JVBERi0xLjQK"}}]}]}"#,
        ],
        [
            r#"{"file":{"file_data":"data:application/pdf;base64,JVBERi0xLjQK"}}"#,
            r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQK"}}"#,
            r#"{"inlineData":{"mimeType":"application/pdf","data":"JVBERi0xLjQK"}}"#,
            r#"{"document":{"format":"pdf","source":{"bytes":"JVBERi0xLjQK"}}}"#,
        ],
    ),
    row(
        "the title of a PDF",
        [
            r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"plan.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}}]}]}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_file","filename":"plan.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"document","title":"plan.pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQK"}}]}]}"#,
            "",
        ],
        [r#"{"file":{"filename":"plan.pdf"}}"#, r#"{"type":"document","title":"plan.pdf"}"#, "", r#"{"document":{"name":"plan"}}"#],
    ),
    row(
        "a PDF at an address",
        [
            "",
            r#"{"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://papers.example/a.pdf"}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://papers.example/a.pdf"}}]}]}"#,
            r#"{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"application/pdf","fileUri":"https://papers.example/a.pdf"}}]}]}"#,
        ],
        [
            "",
            r#"{"type":"document","source":{"type":"url","url":"https://papers.example/a.pdf"}}"#,
            r#"{"fileData":{"mimeType":"application/pdf","fileUri":"https://papers.example/a.pdf"}}"#,
            "",
        ],
    ),
    row(
        "a text document",
        [
            r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,UmFpbi4="}}]}]}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_file","filename":"a.txt","file_data":"data:text/plain;base64,UmFpbi4="}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"Rain."}}]}]}"#,
            r#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"text/plain","data":"UmFpbi4="}}]}]}"#,
        ],
        [
            r#"{"content":"~Rain."}|{"text":"~Rain."}"#,
            r#"{"type":"document","source":{"type":"text","data":"Rain."}}"#,
            r#"{"inlineData":{"mimeType":"text/plain","data":"UmFpbi4="}}|{"text":"Rain."}"#,
            r#"{"document":{"format":"txt","source":{"bytes":"UmFpbi4="}}}"#,
        ],
    ),
    row(
        "the title of a text document",
        [
            "",
            "",
            r#"{"messages":[{"role":"user","content":[{"type":"document","title":"Weather report","source":{"type":"text","media_type":"text/plain","data":"Rain."}}]}]}"#,
            "",
        ],
        [
            r#"{"content":"~Weather report"}|{"text":"~Weather report"}"#,
            r#"{"title":"Weather report"}"#,
            r#"{"text":"~Weather report"}"#,
            r#"{"document":{"name":"Weather report"}}"#,
        ],
    ),
    row(
        "a remark about a document",
        [
            "",
            "",
            r#"{"messages":[{"role":"user","content":[{"type":"document","context":"Of last week.","source":{"type":"text","media_type":"text/plain","data":"Rain."}}]}]}"#,
            "",
        ],
        [
            r#"{"content":"~Of last week."}|{"text":"~Of last week."}"#,
            r#"{"context":"Of last week."}"#,
            r#"{"text":"~Of last week."}"#,
            r#"{"context":"Of last week."}"#,
        ],
    ),
    row(
        "citations of a document",
        [
            "",
            "",
            r#"{"messages":[{"role":"user","content":[{"type":"document","citations":{"enabled":true},"source":{"type":"text","media_type":"text/plain","data":"Rain."}}]}]}"#,
            "",
        ],
        ["", r#"{"citations":{"enabled":true}}"#, "", r#"{"citations":{"enabled":true}}"#],
    ),
    row(
        "a sound",
        [
            r#"{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"UklGRiQA","format":"wav"}}]}]}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"UklGRiQA","format":"wav"}}]}]}"#,
            "",
            r#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"audio/wav","data":"UklGRiQA"}}]}]}"#,
        ],
        [r#"{"input_audio":{"data":"UklGRiQA","format":"wav"}}"#, "", r#"{"inlineData":{"mimeType":"audio/wav","data":"UklGRiQA"}}"#, ""],
    ),
    row(
        "a film",
        ["", "", "", r#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"video/mp4","data":"AAAAIGZ0"}}]}]}"#],
        ["", "", r#"{"inlineData":{"mimeType":"video/mp4","data":"AAAAIGZ0"}}"#, r#"{"video":{"format":"mp4"}}"#],
    ),
    row(
        "a file kept at a vendor",
        [
            r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-abc"}}]}]}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_file","file_id":"file-abc"}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"file_abc"}}]}]}"#,
            r#"{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"application/pdf","fileUri":"https://generativelanguage.googleapis.com/v1beta/files/abc"}}]}]}"#,
        ],
        [
            r#"{"file":{"file_id":"file-abc"}}"#,
            r#"{"source":{"type":"file","file_id":"file_abc"}}"#,
            r#"{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/abc"}}"#,
            "",
        ],
    ),
];
