"""The frame and the components: policy-safe templates, accessibility basics, vendored files, error pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation

from connectors import registry
from profiles.navigation import NAVIGATION
from profiles.templatetags import ui
from tests.factories import make_profile
from tests.web.conftest import Cast

ROOT = Path(__file__).resolve().parents[2]
# Mails carry their style with them: no mail program loads a sheet.
MAILS = {"emails", "email", "mail"}
PAGES = [path for path in (ROOT / "templates").rglob("*.html") if not MAILS.intersection(path.parts)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_hold_nothing_the_content_policy_forbids(path: Path) -> None:
    text = re.sub(r"{% comment %}.*?{% endcomment %}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"<[^>]*\sstyle=", text), "inline style"
    assert not re.search(r"<[^>]*\son[a-z]+=", text), "inline handler"
    assert not re.search(r"<[^>]*\shx-on", text), "inline htmx handler"
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", text), "inline script"
    assert "javascript:" not in text
    assert not re.search(r"(src|href)=\"https?://", text), "a page loads nothing from elsewhere"


def test_vendored_files_are_clean_and_documented() -> None:
    vendor = ROOT / "static/vendor"
    readme = (vendor / "README.md").read_text(encoding="utf-8")
    for folder in (path for path in vendor.iterdir() if path.is_dir()):
        assert f"{folder.name}/" in readme
        assert list(folder.glob("LICENSE*")), f"{folder.name} has no licence file"
    for path in [*vendor.rglob("*.js"), *vendor.rglob("*.css")]:
        assert "sourceMappingURL" not in path.read_text(encoding="utf-8"), f"{path.name} names a map"


def test_every_connector_has_a_tile_and_unknown_ones_a_neutral_one() -> None:
    for key in registry.all_specs():
        assert (ROOT / f"static/img/connectors/{key}.svg").is_file()
    assert "img/connectors/generic" in ui.connector_logo("third-party")


class _Page(HTMLParser):
    """What a screen reader would stumble over."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.controls: list[dict[str, str | None]] = []
        self.labels: set[str | None] = set()
        self.images: list[dict[str, str | None]] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.landmarks: set[str] = set()
        self._label_depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "label":
            self.labels.add(values.get("for"))
            self._label_depth += 1
        if tag in {"input", "select", "textarea"} and values.get("type") not in {"hidden", "submit"}:
            self.controls.append({**values, "_wrapped": "yes" if self._label_depth else None})
        if tag == "img":
            self.images.append(values)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(tag)
        if tag in {"main", "nav", "header", "aside"}:
            self.landmarks.add(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._label_depth -= 1


def _own_pages(cast: Cast) -> Iterator[str]:
    profile = make_profile(tenant=cast.tenant)
    for name in ("account", "team", "tenant", "tenant_new", "list", "wizard"):
        yield reverse(f"profiles:{name}")
    yield reverse("profiles:wizard") + "?kind=gescom&erp=sage100&shop=woocommerce"
    yield reverse("profiles:profile", args=[profile.pk])
    yield reverse("profiles:profile_history", args=[profile.pk])
    for section in ("erp", "shop", "products", "categories", "prices", "stock", "state", "advanced"):
        yield reverse("profiles:settings", args=[profile.pk, section])
    yield reverse("account_change_password")
    yield reverse("account_email")


def test_pages_are_usable_with_a_screen_reader(cast: Cast) -> None:
    for url in _own_pages(cast):
        response = cast.alice.client.get(url)
        assert response.status_code == 200, url
        page = _Page(response.content.decode())
        assert page.headings.count("h1") == 1, f"{url}: one h1"
        assert {"main", "nav", "header"} <= page.landmarks, url
        assert len(page.ids) == len(set(page.ids)), f"{url}: an id occurs twice"
        assert all("alt" in image for image in page.images), f"{url}: image without alt"
        for control in page.controls:
            named = control.get("aria-label") or control["_wrapped"] or control.get("id") in page.labels
            assert named, f"{url}: no label for {control.get('name')}"


def test_pages_offer_a_way_back_and_a_skip_link(cast: Cast) -> None:
    for url in _own_pages(cast):
        body = cast.alice.client.get(url).content.decode()
        assert 'class="skip-link"' in body
        assert 'class="crumbs"' in body, f"{url}: no way back"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_are_shown_in_both_languages(cast: Cast, language: str) -> None:
    cast.alice.user.language = language
    cast.alice.user.save()
    profile = make_profile(tenant=cast.tenant)
    body = cast.alice.client.get(reverse("profiles:settings", args=[profile.pk, "stock"])).content.decode()
    expected = {"fr": ("Stock de sécurité", "Enregistrer", "Équipe"), "en": ("Safety stock", "Save", "Team")}
    for text in expected[language]:
        assert text in body
    if language == "en":
        visible = re.sub(r"<[^>]+>", " ", body)
        assert "Réglages" not in visible
        assert "Enregistrer" not in visible


def test_content_security_policy_is_sent(cast: Cast) -> None:
    policy = cast.alice.client.get(reverse("profiles:account")).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy


def test_navigation_marks_the_present_page(cast: Cast) -> None:
    body = cast.alice.client.get(reverse("profiles:team")).content.decode()
    active = re.search(r'class="nav-item-link is-active" href="([^"]+)" aria-current="page"', body)
    assert active
    assert active.group(1) == reverse("profiles:team")


def test_navigation_entries_lead_somewhere(cast: Cast) -> None:
    profile = make_profile(tenant=cast.tenant)
    later = {"scheduler:list"}  # the pages of scheduled tasks come with a later version
    for entry in (entry for group in NAVIGATION for entry in group.entries):
        assert entry.address(profile.pk) or entry.url_name in later, entry.url_name


# --- Error pages and style guide -----------------------------------------------------------------------------------


def test_unknown_page_is_explained(cast: Cast, client: Client) -> None:
    for who in (client, cast.alice.client):
        response = who.get("/nowhere/")
        assert response.status_code == 404
        assert "Cette page n’existe pas" in response.content.decode()


def test_error_500_needs_no_context() -> None:
    assert "Une erreur est survenue" in Template("{% include '500.html' %}").render(Context({}))


def test_style_guide_is_for_staff_or_development(cast: Cast, settings: object) -> None:
    url = reverse("profiles:styleguide")
    assert cast.alice.client.get(url).status_code == 404
    settings.DEBUG = True  # type: ignore[attr-defined]
    assert cast.alice.client.get(url).status_code == 200
    settings.DEBUG = False  # type: ignore[attr-defined]
    cast.alice.user.is_staff = True
    cast.alice.user.save()
    assert cast.alice.client.get(url + "?page=3").status_code == 200


# --- Tags ----------------------------------------------------------------------------------------------------------


def _render(text: str, path: str = "/", **context: object) -> str:
    request = RequestFactory().get(path)
    return Template("{% load ui %}" + text).render(Context({"request": request, **context}))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0.85, "850 ms"),
        (12, "12 s"),
        (185, "3 min 05 s"),
        (timedelta(hours=2, minutes=4), "2 h 04 min"),
    ],
)
def test_durations(value: float | timedelta | None, text: str) -> None:
    assert ui.duration(value) == text


def test_numbers_follow_the_language() -> None:
    with translation.override("fr"):
        assert re.sub(r"\s", " ", ui.number(1234567)) == "1 234 567"
    with translation.override("en"):
        assert ui.number(1234.5, 1) == "1,234.5"
    assert ui.number(None) == "—"


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (5, "à l’instant"),
        (180, "il y a 3 min"),
        (7200, "il y a 2 h"),
        (90000, "il y a 1 jour"),
        (300000, "il y a 3 jours"),
    ],
)
def test_ages(age: int, text: str) -> None:
    assert text in ui.when(timezone.now() - timedelta(seconds=age))


def test_old_dates_are_shown_in_full() -> None:
    assert "il y a" not in ui.when(timezone.now() - timedelta(days=30))
    assert "jamais" in ui.when(None, "jamais")


def test_run_time_sentences_are_translated_and_filled() -> None:
    sentence = "La colonne %(name)s est introuvable."
    with translation.override("en"):
        assert ui.tr(sentence, {"name": "AR_Ref"}) == "The column AR_Ref cannot be found."
    assert ui.tr(sentence, {"other": "x"}) == sentence, "a value that is missing must not break the page"
    assert ui.tr("") == ""
    assert ui.tr("100 % sûr", None) == "100 % sûr"


def test_block_components_keep_their_content_and_escape_arguments() -> None:
    html = _render('{% card title=title %}<p class="x">{{ body }}</p>{% endcard %}', title="<b>", body="<i>")
    assert '<p class="x">&lt;i&gt;</p>' in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    header = _render('{% page_header title="T" %}<a href="/x">Y</a>{% endpage_header %}')
    assert '<a href="/x">Y</a>' in header
    card = _render('{% problem_card sentence="S" count=2 code="c" %}<button>R</button>{% endproblem_card %}')
    assert "<button>R</button>" in card


def test_state_badges_say_their_state_in_words() -> None:
    for state, look in ui.STATE_LOOKS.items():
        assert str(look.label) in ui.state_badge(state)
    assert "mystère" in ui.state_badge("mystère")


def test_pager_keeps_the_filters() -> None:
    page = Paginator(range(100), 10).page(3)
    html = _render("{% pager page %}", "/x/?state=failed&page=3", page=page)
    assert "?state=failed&amp;page=4" in html
    assert 'aria-current="page">3<' in html
    assert _render("{% pager page %}", page=Paginator(range(5), 10).page(1)).strip() == ""


def test_sort_headers_turn_round() -> None:
    assert "sort=name" in _render('{% sort_header "Nom" "name" %}')
    again = _render('{% sort_header "Nom" "name" %}', "/?sort=name&page=2")
    assert "sort=-name" in again
    assert 'aria-sort="ascending"' in again
    assert "page=2" not in again


def test_progress_bars_know_their_share() -> None:
    html = _render('{% progress 640 1200 label="Articles" %}')
    assert 'value="53" max="100"' in html
    assert "<progress aria-label" in _render("{% progress None %}")
    assert 'value="100"' in _render("{% progress 12 10 %}")


def test_chart_carries_its_figures_as_a_table() -> None:
    data = {"labels": ["Juin"], "datasets": [{"label": "</script><b>", "data": [3]}]}
    html = _render('{% chart "c" data label="Exports" %}', data=data)
    assert 'data-source="c-data"' in html
    assert 'id="c-data"' in html
    assert "</script><b>" not in html
    assert "<td>3</td>" in html
    empty = {"labels": ["Juin"], "datasets": [{"label": "A", "data": [0]}]}
    assert "canvas" not in _render('{% chart "c" data label="Exports" %}', data=empty)


@pytest.mark.covers("ACC-01")
def test_lost_member_keeps_the_navigation_and_a_stranger_is_told_to_sign_in(cast: Cast) -> None:
    inside = cast.alice.client.get("/nulle-part/")
    assert inside.status_code == 404
    assert 'class="sidebar' in inside.content.decode()
    assert "vérifiez l’entreprise choisie" in inside.content.decode()
    outside = Client().get("/nulle-part/")
    assert outside.status_code == 404
    assert "sidebar" not in outside.content.decode()
    assert "connectez-vous" in outside.content.decode()
