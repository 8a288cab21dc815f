"""Segments a photo and opens the app with the installed fcnviz; `.ci/run` runs it in an empty environment."""

import sys
from pathlib import Path


def segment(folder: Path) -> None:
    import fcnviz

    assert Path(fcnviz.__file__).resolve().is_relative_to(folder), f"{fcnviz.__file__} is not installed"
    image = fcnviz.samples.load("cat")
    result = fcnviz.segment(fcnviz.load("lite0-fcn8s"), image)
    assert fcnviz.voc.CLASSES.index("cat") in result.labels


def open_app(folder: Path) -> None:
    from streamlit.testing.v1 import AppTest

    (path,) = folder.rglob("fcnviz/app/app.py")
    sys.path.insert(0, str(path.parent))  # as `streamlit run` does
    app = AppTest.from_file(str(path), default_timeout=300).run()
    assert not app.exception, app.exception


if __name__ == "__main__":
    environment = Path(sys.prefix).resolve()
    segment(environment)
    open_app(environment)
    print("the installed fcnviz segments a photo, and its app opens")
