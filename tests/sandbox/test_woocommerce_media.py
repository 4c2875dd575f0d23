"""The media library of the stand-in, as WordPress answers."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from connectors.sandbox import png
from connectors.sandbox.woocommerce import WooCommerceSandbox, serve_woocommerce


@pytest.mark.covers("CAT-14")
def test_the_library_finds_by_slug_and_deletes_only_for_good() -> None:
    with serve_woocommerce() as shop:
        _play(shop)


def _play(shop: WooCommerceSandbox) -> None:
    account = (shop.media_user, shop.application_password)
    library = f"{shop.url}/wp-json/wp/v2/media"

    def upload(content: bytes, **query: str) -> Any:
        headers = {"Content-Type": "image/png", "Content-Disposition": 'attachment; filename="Vue été.png"'.encode()}
        return requests.post(library, params=query, data=content, headers=headers, auth=account, timeout=10)

    drawn = png.picture((1, 2, 3), size=8)
    first = upload(drawn, slug="our-slug", title="Vue d'été", alt_text="Une tente").json()
    again = upload(drawn, slug="our-slug").json()
    assert (first["slug"], first["title"]["rendered"], first["alt_text"]) == ("our-slug", "Vue d'été", "Une tente")
    assert again["slug"] == "our-slug-2"
    found = requests.get(library, params={"slug": "our-slug,other", "_fields": "id"}, auth=account, timeout=10)
    assert found.json() == [{"id": first["id"]}]
    assert upload(b"no picture").json()["code"] == "rest_upload_sideload_error"
    assert upload(b"").json()["code"] == "rest_upload_no_data"
    served = requests.get(first["source_url"], timeout=10)
    assert (served.content, served.headers["Content-Type"]) == (drawn, "image/png")
    address = f"{library}/{first['id']}"
    refused = requests.delete(address, auth=account, timeout=10)
    assert (refused.status_code, refused.json()["code"]) == (501, "rest_trash_not_supported")
    assert requests.delete(address, params={"force": "true"}, auth=account, timeout=10).json()["deleted"] is True
    gone = requests.delete(address, params={"force": "true"}, auth=account, timeout=10)
    assert (gone.status_code, gone.json()["code"]) == (404, "rest_post_invalid_id")
    anonymous = requests.post(library, data=drawn, timeout=10)
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "rest_cannot_create")
    wrong = requests.get(library, auth=(shop.media_user, "faux"), timeout=10)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "incorrect_password")
