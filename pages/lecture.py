"""The whole story in twenty steps, for a projector: one figure and one sentence each."""

from ui.lecture import page

page.show(page.begin())
