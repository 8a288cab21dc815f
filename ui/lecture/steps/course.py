"""Which steps a lecture has, and in which order."""

from collections.abc import Callable
from dataclasses import dataclass

from ui.lecture.scene import MissingError, Scene
from ui.lecture.slide import Slide
from ui.lecture.steps import answer, classifier, heat


@dataclass(frozen=True)
class Step:
    """One step of the story.

    Attributes:
        name: its name in links, which stays.
        title: its name on the screen.
        make: makes its slide.
    """

    name: str
    title: str
    make: Callable[[Scene], Slide]


STEPS = (
    Step("classify", "Classify", classifier.classify),
    Step("where", "Forgets where", classifier.forgets),
    Step("fold", "Dense = convolution", classifier.fold),
    Step("heatmap", "A heatmap", classifier.heatmap),
    Step("size", "Any input size", classifier.any_size),
    Step("coarse", "Too coarse", heat.too_coarse),
    Step("bilinear", "Bilinear", heat.bilinear),
    Step("deconvolution", "Deconvolution", heat.deconvolution),
    Step("pool4", "Add pool4", heat.add_pool4),
    Step("pool3", "Add pool3", heat.add_pool3),
    Step("three", "32s, 16s, 8s", answer.side_by_side),
    Step("photos", "Over many photos", answer.over_many),
    Step("photo", "This photo", answer.how_good),
)


@dataclass(frozen=True)
class Course:
    """The steps of a lecture, in order."""

    steps: tuple[Step, ...] = STEPS

    @property
    def titles(self) -> list[str]:
        """The steps' names on the screen."""
        return [step.title for step in self.steps]

    def slide(self, scene: Scene, number: int) -> Slide:
        """Make a slide; if it cannot be shown, it has no figure, and its sentence says why.

        Args:
            scene: the subject of the lecture.
            number: number of the slide, from 1.
        """
        try:
            return self.steps[number - 1].make(scene)
        except MissingError as why:
            return Slide(str(why), "", None, "pages/compare.py")
