"""The axe-core scan of a page, and what of it is Streamlit's own."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

GRAVE = ("serious", "critical")
#: (rule, selector of Streamlit's own markup, with no attribute that we could set). Chromium lets the keyboard
#: reach whatever scrolls, which axe-core does not know: `scan` excuses only what did take the focus.
STREAMLITS = (
    ("scrollable-region-focusable", "[class*=st-key-table_]"),  # the container around a table
    ("scrollable-region-focusable", ".stMarkdown .katex-display"),  # the formula of st.latex
)

_RUN = """async ([only, excluded]) => {
  const rules = only && { runOnly: { type: "rule", values: only } };
  const { violations } = await axe.run(document, { resultTypes: ["violations"], ...rules });
  const find = (target) => target.flat().reduce(
    (root, selector) => { const e = root.querySelector(selector); return e.shadowRoot ?? e; }, document);
  const excused = (rule, node) => excluded.some(([name, selector]) => {
    if (name !== rule) return false;
    const element = find(node.target);
    if (!element.matches?.(selector)) return false;
    element.focus();
    const reached = document.activeElement === element;
    element.blur();
    return reached;
  });
  const words = (node) => node.failureSummary.replace(/\\s+/g, " ").slice(0, 300);
  return violations.flatMap(({ id, impact, nodes }) => nodes.filter((node) => !excused(id, node))
    .map((node) => [impact, `${id}: ${node.html.slice(0, 200)} (${words(node)})`]));
}"""


def scan(page: Page, rules: list[str] | None = None) -> list[str]:
    """The serious and critical findings on what is shown now, shadow trees and frames of this host too.

    Args:
        page: as it stands. What lies outside the window is not judged for contrast: make it high enough.
        rules: the only ones to try; axe-core's default ones if None.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"() => {{ {AXE_SCRIPT} }}")
    return [text for impact, text in page.evaluate(_RUN, [rules, STREAMLITS]) if impact in GRAVE]
