"""A folder of pictures: found without regard to case, never read outside of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.core.media_folder import LARGEST, MediaFolder, is_picture
from connectors.core.problems import ItemRefused, Misconfigured

pytestmark = pytest.mark.covers("CAT-14")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "Multimedia"
    (folder / "Été").mkdir(parents=True)
    (folder / "Chaise.JPG").write_bytes(b"chair")
    (folder / "Été" / "table.png").write_bytes(b"table")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return folder


def opened(folder: Path) -> MediaFolder:
    found = MediaFolder(str(folder), local_files=[str(folder.parent)])
    found.require()
    return found


def refusal(folder: MediaFolder, *parts: str) -> str:
    with pytest.raises(ItemRefused) as refused:
        folder.locate(parts)
    problem = refused.value.problem
    assert parts[-1].replace("\0", "") in problem.text().replace("\0", "")
    assert problem.advice
    return problem.code


def test_names_are_found_whatever_their_case(root: Path) -> None:
    folder = opened(root)
    found = folder.locate(["CHAISE.jpg"])
    assert (found.source, found.name, found.size) == ("Chaise.JPG", "Chaise.JPG", 5)
    assert folder.content(found.source) == b"chair"
    deep = folder.locate(["e\u0301te\u0301".upper(), "TABLE.PNG"])
    assert folder.content(deep.source) == b"table", "composed and decomposed accents are the same"
    assert (folder.count(), sorted(folder.files())) == (2, ["Chaise.JPG"])


def test_the_version_follows_the_file_and_not_its_content(root: Path) -> None:
    folder = opened(root)
    before = folder.locate(["chaise.jpg"]).version
    assert folder.locate(["chaise.jpg"]).version == before
    os.utime(root / "Chaise.JPG", ns=(1, 2_000_000_001))
    assert folder.locate(["chaise.jpg"]).version != before


def test_a_path_that_leaves_the_folder_is_refused(root: Path) -> None:
    folder = opened(root)
    assert refusal(folder, "..", "secret.jpg") == "picture_outside"
    assert refusal(folder, "Été", "..", "..", "secret.jpg") == "picture_outside"
    assert refusal(folder, "../secret.jpg") == "picture_outside"
    assert refusal(folder, "Chaise.JPG\0") == "picture_outside"
    with pytest.raises(ItemRefused):
        folder.content("../secret.jpg")


def test_a_link_that_leads_outside_is_refused_and_one_inside_is_followed(root: Path) -> None:
    (root / "out.jpg").symlink_to(root.parent / "secret.jpg")
    (root / "away").symlink_to(root.parent)
    (root / "in.jpg").symlink_to(root / "Chaise.JPG")
    folder = opened(root)
    assert refusal(folder, "out.jpg") == "picture_outside"
    assert refusal(folder, "away", "secret.jpg") == "picture_outside"
    assert folder.locate(["in.jpg"]).source == "Chaise.JPG"


def test_a_file_replaced_by_a_link_after_it_was_found_is_not_followed(root: Path) -> None:
    folder = opened(root)
    source = folder.locate(["chaise.jpg"]).source
    (root / "Chaise.JPG").unlink()
    (root / "Chaise.JPG").symlink_to(root.parent / "secret.jpg")
    with pytest.raises(ItemRefused) as refused:
        folder.content(source)
    assert refused.value.problem.code == "picture_outside"


def test_missing_empty_heavy_and_irregular_files_are_named(root: Path) -> None:
    (root / "vide.jpg").touch()
    with (root / "lourde.jpg").open("wb") as file:
        file.truncate(LARGEST + 1)
    os.mkfifo(root / "tube.jpg")
    folder = opened(root)
    assert refusal(folder, "absente.jpg") == "picture_missing"
    assert refusal(folder, "Été") == "picture_missing"
    assert refusal(folder, "tube.jpg") == "picture_missing"
    assert refusal(folder, "vide.jpg") == "picture_empty"
    assert refusal(folder, "lourde.jpg") == "picture_too_large"


def test_each_fault_of_the_folder_itself_has_its_own_words(tmp_path: Path, root: Path) -> None:
    def fault(folder: MediaFolder) -> tuple[str, str]:
        with pytest.raises(Misconfigured) as refused:
            folder.require()
        assert refused.value.problem.advice
        return refused.value.problem.code, refused.value.problem.text()

    faults = [
        fault(MediaFolder(str(root), local_files=[str(tmp_path / "other")])),
        fault(MediaFolder("/etc", local_files=[str(tmp_path)])),
        fault(MediaFolder(str(root / "nowhere"), local_files=[str(tmp_path)])),
    ]
    assert [code for code, _ in faults] == ["media_folder_refused", "media_folder_refused", "media_folder_missing"]
    assert "/etc" in faults[1][1]


@pytest.mark.parametrize(
    ("name", "expected"), [("a.jpg", True), ("a.JPEG", True), ("a.tif", True), ("notice.pdf", False), ("jpg", False)]
)
def test_the_ending_tells_pictures_from_documents(name: str, *, expected: bool) -> None:
    assert is_picture(name) is expected
