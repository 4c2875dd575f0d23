"""Pictures of Sage 100: which files an article has, which of its variants they show, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.canonical.keys import Aspect, Entity
from connectors.canonical.pictures import ProductPictures
from connectors.core.problems import ItemRefused
from connectors.core.query import Query
from connectors.core.results import CheckReport, CheckState, RefusedRow
from connectors.erp.sage100 import SPEC
from connectors.erp.sage100.picture_names import NameIndex, inner_parts, named_variants
from connectors.erp.sage100.variants import Unit
from connectors.sandbox.sage100 import Sage100Sandbox, build
from tests.connectors.sage100.support import runtime_of

pytestmark = pytest.mark.covers("CAT-14")


@pytest.fixture
def company(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "sage.db", merchant="demo")


def _options(company: Sage100Sandbox, folder: Path, **more: Any) -> Any:
    return SPEC.options(kind="sqlite", path=str(company.path), media_folder=str(folder), **more)


def _read(
    company: Sage100Sandbox, folder: Path, *references: str, **more: Any
) -> tuple[dict[str, ProductPictures], dict[str, RefusedRow]]:
    with SPEC.open(_options(company, folder, **more), runtime_of()) as connection:
        reader = connection.reader(Entity.PRODUCT, Aspect.PICTURES)
        pages = list(reader.pages(Query(published_only=False), keys=list(references)))
    records = {record.key: record for page in pages for record in page.records}
    return records, {row.key: row for page in pages for row in page.refused}


def _check(company: Sage100Sandbox, folder: Path, **runtime: Any) -> CheckReport:
    with SPEC.open(_options(company, folder), runtime_of(**runtime)) as connection:
        return connection.check()


def test_the_photo_comes_first_then_the_attached_pictures_and_no_document(
    company: Sage100Sandbox, tmp_path: Path
) -> None:
    for name in ("TENTE2P.png", "tente2p-2.PNG", "TENTE2P-notice.pdf"):
        (tmp_path / name).write_bytes(name.encode())
    records, refused = _read(company, tmp_path, "TENTE2P", "STOCK-NEG")
    assert refused == {}
    assert [picture.name for picture in records["TENTE2P"].pictures] == ["TENTE2P.png", "tente2p-2.PNG"]
    assert records["STOCK-NEG"].pictures == (), "an article without a picture is told too, so that ours can leave"


def test_a_missing_file_refuses_its_article_alone_by_its_name(company: Sage100Sandbox, tmp_path: Path) -> None:
    (tmp_path / "SAC35-BELLEDONNE.png").write_bytes(b"x")
    (tmp_path / "SAC35-BELLEDONNE-dos.png").write_bytes(b"y")
    (tmp_path / "TENTE2P.png").write_bytes(b"z")
    records, refused = _read(company, tmp_path, "TENTE2P", "SAC35-BELLEDONNE")
    assert list(records) == ["SAC35-BELLEDONNE"]
    assert refused["TENTE2P"].problem.code == "picture_missing"
    assert "TENTE2P-2.png" in refused["TENTE2P"].problem.text()


@pytest.mark.parametrize(
    "path", [".\\Multimedia\\..\\..\\etc\\passwd", "..\\secret.jpg", "C:\\Multimedia\\a\\..\\b.jpg", "../x.png"]
)
def test_a_path_that_climbs_refuses_its_article(company: Sage100Sandbox, tmp_path: Path, path: str) -> None:
    (tmp_path.parent / "secret.jpg").write_bytes(b"secret")
    company.update_article("TENTE2P", AR_Photo=path)
    _, refused = _read(company, tmp_path, "TENTE2P")
    assert refused["TENTE2P"].problem.code == "picture_outside"


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (".\\Multimedia\\chaise.jpg", ["chaise.jpg"]),
        ("C:\\Sage\\MULTIMEDIA\\Salon\\chaise.jpg", ["Salon", "chaise.jpg"]),
        ("\\\\srv\\photos\\Salon\\chaise.jpg", ["Salon", "chaise.jpg"]),
        ("D:\\Autre\\chaise.jpg", ["chaise.jpg"]),
        ("Salon/chaise.jpg", ["Salon", "chaise.jpg"]),
    ],
)
def test_the_part_behind_the_folder_is_kept(path: str, parts: list[str]) -> None:
    assert inner_parts(path, "Photos") == parts


def test_names_follow_references_and_never_take_those_of_others() -> None:
    index = NameIndex(["ref.jpg", "REF_2.png", "REF-1.jpg", "REF-10.jpg", "A_B.jpg", "REF-X.jpg"])
    assert index.of("REF") == ["ref.jpg", "REF-1.jpg", "REF_2.png", "REF-10.jpg"]
    assert index.of("REF", ["REF-1"]) == ["ref.jpg", "REF_2.png", "REF-10.jpg"]
    assert index.of("A/B") == ["A_B.jpg"]
    assert index.of("AUTRE") == []


def test_a_name_that_is_the_reference_of_another_article_stays_with_it(company: Sage100Sandbox, tmp_path: Path) -> None:
    company.update_article("TENTE2P", AR_Photo="")
    company.add_article("TENTE2P-1", "Autre tente", family="TENTES", price=10)
    with company.session() as session:
        session.run("DELETE FROM F_ARTICLEMEDIA WHERE AR_Ref = 'TENTE2P'")
    for name in ("TENTE2P.jpg", "TENTE2P-1.jpg", "TENTE2P-2.jpg"):
        (tmp_path / name).write_bytes(b"x")
    records, _ = _read(company, tmp_path, "TENTE2P", "TENTE2P-1", pictures_by_name=True)
    assert [picture.name for picture in records["TENTE2P"].pictures] == ["TENTE2P.jpg", "TENTE2P-2.jpg"]
    assert [picture.name for picture in records["TENTE2P-1"].pictures] == ["TENTE2P-1.jpg"]


@pytest.mark.covers("CAT-12")
@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("rouge ", "A1 A2"),
        ("Rouge, m", "A2"),
        ("v-bm", "A3"),
        ("Bleu-vert", "A3"),
        ("Vue de dos", ""),
        ("", ""),
        ("Rouge, XXL", ""),
    ],
)
def test_a_comment_names_variants_by_value_values_or_reference(comment: str, expected: str) -> None:
    units = [
        Unit(key=key, reference=reference, options=(("Couleur", colour), ("Taille", size)))
        for key, reference, colour, size in (
            ("A1", "V-RS", "Rouge", "S"),
            ("A2", "V-RM", "Rouge", "M"),
            ("A3", "V-BM", "Bleu-vert", "M"),
        )
    ]
    assert named_variants(comment, units) == tuple(expected.split())


def test_the_content_of_a_picture_is_read_when_it_is_asked_for(company: Sage100Sandbox, tmp_path: Path) -> None:
    company.update_article("SAC35-BELLEDONNE", AR_Photo="a.png")
    (tmp_path / "a.png").write_bytes(b"content")
    with SPEC.open(_options(company, tmp_path), runtime_of()) as connection:
        reader: Any = connection.reader(Entity.PRODUCT, Aspect.PICTURES)
        assert reader.content("a.png") == b"content"
        with pytest.raises(ItemRefused):
            reader.content("../a.png")


def test_the_connection_test_tells_what_is_wrong_with_the_folder(company: Sage100Sandbox, tmp_path: Path) -> None:
    def point(report: CheckReport) -> tuple[CheckState, str]:
        (item,) = [item for item in report.items if item.name == "pictures"]
        assert item.state is CheckState.OK or item.advice_text()
        return item.state, item.code

    empty, full = tmp_path / "vide", tmp_path / "plein" / "sous"
    empty.mkdir()
    full.mkdir(parents=True)
    (full / "a.jpg").write_bytes(b"x")
    assert point(_check(company, full.parent)) == (CheckState.OK, "")
    assert point(_check(company, empty)) == (CheckState.WARNING, "media_folder_empty")
    assert point(_check(company, tmp_path / "absent")) == (CheckState.ERROR, "media_folder_missing")
    assert point(_check(company, Path("/etc"))) == (CheckState.ERROR, "media_folder_refused")
    without = _check(company, Path())
    assert without.ok or without.items
