"""The path through the app: its pages in the order of the story, and links to the one before and after."""

from typing import NamedTuple

import streamlit as st

from ui.page.sections import OPEN

#: Parameters that a link from one page to another takes along.
_PASSED_ON = ("photo", "size", "nets", "colours")


class Page(NamedTuple):
    """One page of the app.

    Attributes:
        path: of its file, as Streamlit names it.
        label: its name.
        icon: beside the name.
        purpose: what it answers, in a few words.
        chapter: its number in the story; 0 for a page outside of it.
    """

    path: str
    label: str
    icon: str
    purpose: str
    chapter: int = 0

    @property
    def name(self) -> str:
        """Its name with the number of the chapter, if it is one."""
        return f"{self.chapter} {self.label}" if self.chapter else self.label


START = Page("app.py", "Start", ":material/home:", "A photo, and what three networks say of it")
LECTURE = Page("pages/lecture.py", "Lecture", ":material/slideshow:", "The story in slides, for a hall")
#: The chapters in the order of the story: each needs what those before it have shown.
CHAPTERS = tuple(
    Page(f"pages/{label.lower()}.py", label, icon, purpose, number)
    for number, (label, icon, purpose) in enumerate(
        (
            ("Convolutionalize", ":material/view_in_ar:", "How a classifier comes to answer everywhere"),
            ("Heatmaps", ":material/grid_on:", "What a network knows before and after upsampling"),
            ("Upsampling", ":material/zoom_in:", "How a coarse grid becomes a fine one"),
            ("Compare", ":material/compare:", "What the skips from finer layers add"),
            ("Alignment", ":material/straighten:", "Which pixel belongs to which cell"),
            ("Training", ":material/model_training:", "What the loss sums, and what each choice was worth"),
            ("Evaluate", ":material/bar_chart:", "How good it is, and how that is measured"),
            ("History", ":material/history:", "What FCN could not do, and who did it"),
        ),
        start=1,
    )
)
PAGES = (START, *CHAPTERS, LECTURE)


def of(path: str) -> Page:
    """Find a page by the path of its file."""
    return next(page for page in PAGES if page.path == path)


def titled(title: str) -> Page:
    """Find a page by the title of its window; Start has one of its own."""
    return next((page for page in PAGES if page.label == title), START)


def neighbours(page: Page) -> tuple[Page | None, Page | None]:
    """Find the pages before and after one on the path, which goes from Start through the chapters."""
    story = (START, *CHAPTERS)
    if page not in story:
        return None, None
    at = story.index(page)
    return (story[at - 1] if at else None), (story[at + 1] if at + 1 < len(story) else None)


def see(path: str, section: str = "", **query: str) -> None:
    """Draw a link to a page, with the photo and the networks that are chosen.

    Args:
        path: of the page's file.
        section: to open there; "" for the first one.
        query: further parameters.
    """
    page, kept = of(path), {k: v for k, v in st.query_params.to_dict().items() if k in _PASSED_ON}
    if section:
        query[OPEN] = section
    label = f"See it in {page.name}{f': {section}' if section else ''}"
    st.page_link(page.path, label=label, icon=page.icon, query_params={**kept, **query})


def links(page: Page) -> None:
    """Draw the links to the chapters before and after this one."""
    before, after = neighbours(page)
    with st.container(horizontal=True, horizontal_alignment="distribute", key="path"):
        if before:
            st.page_link(before.path, label=f"Back: {before.name}", icon=":material/arrow_back:")
        if after:
            with st.container(width="content", gap=None):
                st.page_link(after.path, label=f"Next: {after.name}", icon=":material/arrow_forward:")
                st.caption(after.purpose)
        elif page in CHAPTERS:
            st.page_link(LECTURE.path, label=f"{LECTURE.purpose}: {LECTURE.name}", icon=LECTURE.icon)
