"""What a file is, by its first bytes and never by its name or what its sender says; and what people call it. Pure."""

from collections.abc import Sequence

UNKNOWN = "application/octet-stream"
# Shown in pages as they are; everything else is only offered as a download.
INLINE = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
BEGINNINGS = [
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"BEGIN:VCARD", "text/vcard"),
]
BRANDS = {
    b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"avif": "image/avif", b"qt  ": "video/quicktime",
    b"3gp4": "video/3gpp", b"3gp5": "video/3gpp", b"3gp6": "video/3gpp", b"M4A ": "audio/mp4",
}  # fmt: skip
RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/avi"}
EXTENSIONS = {
    "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "image/heic": ".heic",
    "image/heif": ".heif", "image/avif": ".avif", "application/pdf": ".pdf", "audio/ogg": ".ogg", "audio/mpeg": ".mp3",
    "audio/amr": ".amr", "audio/mp4": ".m4a", "audio/wav": ".wav", "text/vcard": ".vcf", "video/mp4": ".mp4",
    "video/quicktime": ".mov", "video/3gpp": ".3gp", "video/avi": ".avi",
}  # fmt: skip
NOUNS = {"image": ("Photo", "photos"), "video": ("Video", "videos"), "audio": ("Audio", "audio files")}


def type_of(content: bytes) -> str:
    """The media type; `application/octet-stream` for what is none of ours, such as SVG or HTML."""
    if content[4:8] == b"ftyp":
        return BRANDS.get(content[8:12], "video/mp4")
    if content[:4] == b"RIFF":
        return RIFF.get(content[8:12], UNKNOWN)
    return next((kind for beginning, kind in BEGINNINGS if content.startswith(beginning)), UNKNOWN)


def noun_of(content_type: str) -> str:
    """`Photo`, `Video`, `Audio` or `File`."""
    return NOUNS.get(content_type.partition("/")[0], ("File", "files"))[0]


def label_of(content_types: Sequence[str]) -> str:
    """`Photo`, `2 photos`, `3 files` (of several kinds); "" for none."""
    nouns = {NOUNS.get(one.partition("/")[0], ("File", "files")) for one in content_types}
    one, many = nouns.pop() if len(nouns) == 1 else ("File", "files")
    return "" if not content_types else one if len(content_types) == 1 else f"{len(content_types)} {many}"
