"""Follow along: the address of a step for the audience, with their own photos, as text and as a QR code."""

import io
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st

from ui.figures.pictures import data_uri
from ui.state import OWN

#: Link parameters that are the lecturer's own business.
_PRIVATE = ("notes", "view")
_LOCAL = ("localhost", "127.0.0.1", "::1")


def address(page: str, query: Mapping[str, str]) -> str:
    """The link for the audience: as the lecturer's, without notes and without an uploaded photo.

    Args:
        page: the page's address.
        query: the link's parameters.
    """
    kept = {k: v for k, v in query.items() if k not in _PRIVATE and (k, v) != ("photo", OWN)}
    return f"{page.partition('?')[0]}?{urlencode(kept)}"


def code(link: str) -> bytes:
    """Draw a QR code as PNG, with the quiet zone that readers need; dark on white in both themes.

    Raises:
        segno.DataOverflowError: the link is longer than a code can be.
    """
    buffer = io.BytesIO()
    segno.make(link, error="m", micro=False).save(buffer, kind="png", scale=8, border=4)
    return buffer.getvalue()


def card() -> dict[str, str]:
    """The link to this step, its code as a data URI ("" if it is too long for one), and who can follow it."""
    link = address(st.context.url or "", st.query_params.to_dict())
    try:
        picture = data_uri(code(link))
    except segno.DataOverflowError:
        picture = ""
    local = urlsplit(link).hostname in (None, *_LOCAL)
    return {"link": link, "code": picture, "note": _HERE if local else _ANYWHERE}


_HERE = "This address is of this computer alone: open the app by an address that others reach."
_ANYWHERE = "The same step on any phone, with one's own photo. It does not move on with the lecture."
