"""The frame of every page: its configuration, the navigation and the sidebar."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fcnviz import weights
from ui.components.one_entry import one_entry
from ui.export import shown
from ui.figures import diagram
from ui.page import controls, link, path, photo, questions, share, terms
from ui.running import process
from ui.settings import SettingsError, settings
from ui.state import Networks, Photo

ICON = Path(__file__).parent / "icon.png"


@dataclass(frozen=True)
class Uses:
    """Which choices act on a page; the sidebar shows no others. `upload`: one in the main column too."""

    photo: bool = True
    networks: bool = True
    palette: bool = True
    upload: bool = False


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the visitor has chosen in the sidebar.

    Attributes:
        photo: the page's photo.
        networks: the networks that run, and the device.
        palette: name of the class colours.
        working: longest side in px of the networks' input.
        share: place for the menu that shares the page, beside its heading.
        where: the page itself, on the path through the app.
    """

    photo: Photo
    networks: Networks
    palette: str
    working: int
    share: DeltaGenerator | None = None
    where: path.Page = path.START


def begin(title: str, heading: str, uses: Uses = Uses(), *, lead: str = "") -> Inputs:
    """Configure the page, draw the navigation, the sidebar and the heading; return what is chosen.

    Args:
        title: title of the window; a chapter's is its label.
        heading: of the page; it is left out where the page is embedded in another.
        uses: which choices there are in the sidebar.
        lead: what the page says first, below its heading.
    """
    configure(title)
    with st.sidebar:  # before anything in the main column, which would move to the right
        st.markdown("#### fcnviz")
    above, menu = photo.above(), None
    if not st.context.is_embedded:
        menu = _heading(path.titled(title), heading, lead)
        if uses.upload:
            above = _ways_in(above)
    with st.sidebar:
        with st.container(gap="xxsmall"):
            for one in path.PAGES:
                st.page_link(one.path, label=one.name, icon=one.icon, help=one.purpose, width="stretch")
        page = replace(choices(above, uses), where=path.titled(title))
    shown.begin(title, page.photo, page.palette)
    if menu is None:
        return page
    if page.where.chapter:
        _where(page.where)
        questions.ask(page.where.label)
    return replace(page, share=menu)


def _heading(where: path.Page, heading: str, lead: str) -> DeltaGenerator:
    """Draw the heading and the first sentence; return the place of the menu that shares the page."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(heading, anchor=False, width="stretch")
        terms.button(where.label)
        menu = st.container(width="content")
    if lead:
        st.markdown(lead)
    return menu


def _where(where: path.Page) -> None:
    """Write the chapter and its purpose, beside the network with the parts that the chapter takes apart."""
    lit = [part.name for part in diagram.PARTS.values() if part.page == where.path]
    here = f"You are here: {', '.join(lit) or 'the whole network'}"
    width, height = diagram.SKETCH
    drawn = diagram.sketch(lit or diagram.PARTS)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<img src="{drawn}" width="{width}" height="{height}" alt="{here}">', width=width)
        st.caption(f"Chapter {where.chapter} of {len(path.CHAPTERS)}: {where.purpose}", width="stretch")


def _ways_in(above: photo.Above) -> photo.Above:
    """Draw the ways into the app: a photo of one's own, the lecture, and the first chapter."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        upload = st.popover("Upload a photo", icon=":material/upload:")
        # widths in px: on a phone the row has two lines before all of it is there, too
        st.page_link(path.LECTURE.path, label="Start the lecture", icon=path.LECTURE.icon, width=150)
        first = path.CHAPTERS[0]
        st.page_link(first.path, label="Take the tour", icon=":material/arrow_forward:", width=130)
    return replace(above, upload=upload, always=True)


def end(page: Inputs) -> None:
    """End the page: link the chapters before and after; what was drawn can now be shared."""
    terms.at_first_places(page.where.label)
    if page.share is not None:
        path.links(page.where)
        one_entry()
        with page.share:
            share.menu(own=page.photo.own)


def configure(title: str) -> None:
    """Set the title and the layout of a page, and check the server's settings."""
    sidebar: Literal["auto", "collapsed"] = "collapsed" if st.context.is_embedded else "auto"
    st.set_page_config(f"{title} · fcnviz", str(ICON), layout="wide", initial_sidebar_state=sidebar)
    link.begin(title)
    process.prepare()
    _check_settings()


def choices(above: photo.Above, uses: Uses = Uses()) -> Inputs:
    """Draw the choice of photo, networks and colours."""
    if uses.photo or uses.networks:
        st.markdown("##### Photo" if uses.photo else "##### Photos")
    chosen, working = photo.choose(above) if uses.photo else photo.only_size(uses.networks)
    if uses.networks or uses.palette:
        st.markdown("##### Networks")
    networks = controls.networks(draw=uses.networks)
    return Inputs(chosen, networks, controls.palette(draw=uses.palette), working)


def _check_settings() -> None:
    """Stop the page with an error if the server's settings are wrong."""
    try:
        device = settings().device
    except SettingsError as error:
        st.error(f"This server is not set up right: {error}", icon=":material/error:")
        st.stop()
    try:
        weights.pick_device(device)
    except ValueError as error:
        st.error(f"This server is not set up right: FCNVIZ_DEVICE: {error}.", icon=":material/error:")
        st.stop()
