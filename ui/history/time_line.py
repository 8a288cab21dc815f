"""Panel: who removed which weakness of FCN, each with one figure in print and one place in the app."""

import functools
from pathlib import Path

import pandas as pd
import streamlit as st

from fcnviz.lessons.history import steps
from fcnviz.lessons.history.steps import Figure, Step
from ui.export import offline, shown
from ui.page import path


def time_line() -> None:
    """Draw the steps of the chosen part, and the test numbers of all."""
    era = st.segmented_control(
        "Part", steps.ERAS, default=steps.ERAS[0], required=True, key="h_era", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    with shown.section():
        for step in steps.of_era(era or steps.ERAS[0]):  # ?h_era= chooses none, although it is required
            _step(step)
    shown.add("tables/history_steps.csv", functools.partial(offline.table, _every_step()))
    _on_voc2012_test()


def _step(step: Step) -> None:
    with st.container(gap="xxsmall", border=True):
        st.markdown(f"**{step.year} · {step.name}** · *{step.weakness}.* {step.answer}")
        live = f" Live here: **{step.live}**." if step.live else ""
        # no caption, in which links are too pale
        st.markdown(f":small[**{step.figure.value}** {step.figure.about}: {_cited(step.figure)}.{live}]")
        path.see(step.page, step.section)


def _cited(figure: Figure) -> str:
    return f'[{figure.venue} {figure.year}, {figure.where}]({figure.source} "{figure.paper}")'


def _on_voc2012_test() -> None:
    st.markdown("**PASCAL VOC2012 test, mean IU in print**")
    rows = {
        f"{step.name}, {step.year}": (
            step.figure.value.replace(" ", "\u00a0"),
            step.figure.note or "–",
            _cited(step.figure),
        )
        for step in steps.on_voc2012_test()
    }
    columns = ["Mean IU", "Besides", "Source"]
    shown.table(pd.DataFrame.from_dict(rows, orient="index", columns=columns), "history_voc2012_test")
    st.caption(
        "One data set and one split, but not one experiment: classifiers and training photos differ too. "
        "Other numbers on this page are of other data, and cannot be compared with these."
    )


def _every_step() -> pd.DataFrame:
    """The whole time line, for the export."""
    rows = [
        {
            "Year": step.year, "Step": step.name, "Weakness": step.weakness, "Answer": step.answer,
            "Figure": step.figure.value, "About": step.figure.about, "Paper": step.figure.paper,
            "Venue": f"{step.figure.venue} {step.figure.year}, {step.figure.where}",
            "Source": step.figure.source, "Page": Path(step.page).stem, "Section": step.section,
        }
        for step in steps.STEPS
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("Year")
