"""All chapters' questions as one HTML file to print: with links, and the answers on pages of their own."""

from pathlib import Path, PurePosixPath

from jinja2 import Environment, FileSystemLoader

from fcnviz.lessons import questions
from ui.page import path

_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)


def document(app: str) -> bytes:
    """Write the file, in UTF-8; it needs no network.

    Args:
        app: address of the app's first page.
    """
    chapters = [
        {
            "name": page.name,
            "purpose": page.purpose,
            "link": f"{app.rstrip('/')}/{PurePosixPath(page.path).stem}",
            "questions": asked,
        }
        for page in path.CHAPTERS
        if (asked := questions.of(page.label))
    ]
    return _TEMPLATES.get_template("worksheet.html").render(chapters=chapters).encode()
