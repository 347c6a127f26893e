"""A member at the console, as a test sees it: logged in, one request after the other."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

from tenants.models import Membership


def visit(member: Membership) -> Client:
    """Logged in as this member."""
    visitor = Client()
    visitor.force_login(member.user)
    return visitor


class Forms(HTMLParser):
    """The forms of a page with what a browser would post for each if nobody touched it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._form: dict[str, list[str]] | None = None
        self._name = self._text = ""
        self._choice: list[tuple[str, bool]] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = {}
            self.forms.append(
                {
                    "method": found.get("method", "get"),
                    "action": found.get("action", ""),
                    "fields": self._form,
                    "buttons": [],
                    "visible": set(),
                }
            )
        elif self._form is None or "disabled" in found or (tag != "option" and not found.get("name")):
            return
        elif tag == "input":
            self._input(found)
        elif tag == "button":
            self.forms[-1]["buttons"].append(found.get("value", ""))
        elif tag == "textarea":
            self._name, self._text = found["name"], "\0"
            self.forms[-1]["visible"].add(found["name"])
        elif tag == "select":
            self._name, self._choice = found["name"], []
            self.forms[-1]["visible"].add(found["name"])
        elif tag == "option" and self._choice is not None:
            self._choice.append((found.get("value", ""), "selected" in found))

    def _input(self, found: dict[str, str]) -> None:
        kind = found.get("type", "text")
        if kind != "hidden":
            self.forms[-1]["visible"].add(found["name"])
        if kind in ("checkbox", "radio") and "checked" not in found:
            return
        assert self._form is not None
        self._form.setdefault(found["name"], []).append(
            found.get("value", "on" if kind == "checkbox" else "")
        )

    def handle_data(self, data: str) -> None:
        if self._text:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._form is not None and self._text:
            self._form[self._name] = [self._text[1:].removeprefix("\n")]
            self._text = ""
        elif tag == "select" and self._form is not None and self._choice:
            self._form[self._name] = [value for value, is_on in self._choice if is_on] or [self._choice[0][0]]
            self._choice = None


def form_on(client: Client, path: str, *, page: str = "", what: str = "") -> dict[str, Any]:
    """What a browser would post to `path` from its form with a version, untouched; `what` is the button's value."""
    html = client.get(page or path).content.decode()
    for form in Forms(html).forms:
        is_wanted = form["action"].split("?")[0] in ("", path) and (not what or what in form["buttons"])
        if is_wanted and has_version(form["fields"]):
            fields = form["fields"] | ({"what": [what]} if what else {})
            return {name: values if len(values) > 1 else values[0] for name, values in fields.items()}
    raise AssertionError(f"no form with a version on {page or path}")


def has_version(fields: dict[str, Any]) -> bool:
    return any(name.endswith("version") for name in fields)


def with_version(client: Client, path: str, data: dict[str, Any], *, page: str = "") -> dict[str, Any]:
    """Data for `path` with the versions that its form has now."""
    drawn = form_on(client, path, page=page, what=data.get("what", ""))
    return {name: value for name, value in drawn.items() if name.endswith("version")} | data
