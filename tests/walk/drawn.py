"""What a page offers, read from its HTML: forms with their fields, and addresses to follow."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

TYPED = {"number": "+16285550144", "to": "+16285550144", "email": "new@ours.example", "value": "+14155550155"}


@dataclass
class Form:
    """`fields` in order: name, value as drawn or as somebody would fill it in; `buttons` that send a value of theirs;
    `options`: each choice of each select."""

    action: str
    method: str = "post"
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)

    @property
    def token(self) -> str:
        return dict(self.fields).get("form_token", "")


@dataclass
class Offered:
    """`gets` and `posts` are paths with their queries."""

    gets: set[str] = field(default_factory=set)
    posts: set[str] = field(default_factory=set)
    forms: list[Form] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__(convert_charrefs=True)
        self.path, self.offered = path, Offered()
        self.form: Form | None = None
        self.select: tuple[str, list[tuple[str, bool]]] | None = None
        self.area: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._links(tag, given)
        read = getattr(self, f"_{tag}", None)
        if read is not None:
            read(given)

    def _links(self, tag: str, given: dict[str, str]) -> None:
        if tag == "a" and "href" in given:
            self.offered.gets.add(self._to(given["href"]))
        for name, into in (("hx-get", self.offered.gets), ("hx-post", self.offered.posts)):
            if name in given:
                into.add(self._to(given[name]))
        for name in ("data-href", "data-url", "src"):
            if tag != "script" and given.get(name, "").startswith("/"):
                self.offered.gets.add(self._to(given[name]))
        if "hx-post" in given and tag != "form":
            fields = self.form.fields if self.form else []
            self.offered.forms.append(Form(self._to(given["hx-post"]), "post", fields))

    def _to(self, address: str) -> str:
        parts = urlsplit(urljoin(f"http://testserver{self.path}", address))
        if parts.netloc != "testserver" or parts.scheme not in ("http", "https"):
            return ""
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def _form(self, given: dict[str, str]) -> None:
        self.form = Form(self._to(given.get("action") or self.path), given.get("method", "get").lower())
        if self.form.method != "dialog":
            self.offered.forms.append(self.form)

    def _input(self, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if kind in ("checkbox", "radio") and "checked" not in given:
            return
        self._add(given.get("name", ""), given.get("value", "on" if kind == "checkbox" else ""), kind)

    def _button(self, given: dict[str, str]) -> None:
        if self.form is not None and given.get("name"):
            self.form.buttons.append((given["name"], given.get("value", "")))

    def _add(self, name: str, value: str, kind: str = "text") -> None:
        if self.form is not None and name:
            self.form.fields.append((name, value if kind == "hidden" else value or _filled(name, kind)))

    def _select(self, given: dict[str, str]) -> None:
        self.select = (given.get("name", ""), [])

    def _option(self, given: dict[str, str]) -> None:
        if self.select is not None:
            self.select[1].append((given.get("value", ""), "selected" in given))
            if self.form is not None and self.select[0]:
                self.form.options.append((self.select[0], given.get("value", "")))

    def _textarea(self, given: dict[str, str]) -> None:
        self.area = (given.get("name", ""), "")

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.area = (self.area[0], self.area[1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select" and self.select is not None:
            name, options = self.select
            chosen = [value for value, is_selected in options if is_selected]
            first = next((value for value, _ in options if value), "")
            self._add(name, chosen[0] if chosen and chosen[0] else first, "hidden")
            self.select = None
        elif tag == "textarea" and self.area is not None:
            self._add(self.area[0], self.area[1].removeprefix("\n"))
            self.area = None


def _filled(name: str, kind: str) -> str:
    by_kind = {
        "datetime-local": "2030-01-01T10:00",
        "date": "2030-01-01",
        "number": "5",
        "password": "long-password-1",
    }
    return by_kind.get(kind) or TYPED.get(name, "") or ("new@ours.example" if kind == "email" else "Spring")


def read(html: str, path: str) -> Offered:
    """What the page at `path` offers; addresses elsewhere and bare fragments are left out."""
    reader = _Reader(path)
    reader.feed(html)
    reader.offered.gets.discard("")
    reader.offered.posts.discard("")
    return reader.offered
