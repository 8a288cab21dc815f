"""Which steps a lecture has, and in which order: a link or a preset chooses them."""

from collections.abc import Callable
from dataclasses import dataclass

from ui.lecture.scene import MissingError, Scene
from ui.lecture.slide import Slide
from ui.lecture.steps import answer, classifier, heat, outlook, skips, stamps


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


#: The whole story.
STEPS = (
    Step("task", "The task", classifier.task),
    Step("classifier", "A classifier", classifier.classify),
    Step("flatten", "Flatten", classifier.flatten),
    Step("fold", "Dense = convolution", classifier.fold),
    Step("slide", "Slide it", classifier.slide),
    Step("size", "Any input size", classifier.any_size),
    Step("cell", "What a cell sees", heat.cell),
    Step("bilinear", "Bilinear", heat.bilinear),
    Step("stamps", "Deconvolution", stamps.stamps),
    Step("convolve", "Pad, then convolve", stamps.convolve),
    Step("learned", "Learned or bilinear", heat.learned),
    Step("pool4", "Add pool4", skips.pool4),
    Step("pool3", "Add pool3", skips.pool3),
    Step("three", "32s, 16s, 8s", answer.side_by_side),
    Step("align", "Pad 100, crop 19", outlook.align),
    Step("training", "How it learns", outlook.train),
    Step("quality", "How good", answer.how_good),
    Step("failures", "Where it fails", answer.fails),
    Step("next", "What came next", outlook.came_next),
    Step("home", "To take home", outlook.take_home),
)

#: Names of the steps of lectures that take about so many minutes, by the name of each lecture in links.
PRESETS: dict[str, tuple[str, ...]] = {
    "10min": ("task", "classifier", "fold", "slide", "stamps", "pool4", "three", "quality"),
    "20min": (
        *("task", "classifier", "flatten", "fold", "slide", "cell", "bilinear", "stamps"),
        *("learned", "pool4", "pool3", "three", "quality", "home"),
    ),
    "45min": tuple(step.name for step in STEPS),
}


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


def chosen(text: str) -> tuple[Course, list[str]]:
    """Read the steps that a link chooses: a preset, or names, numbers and commas, such as "task,fold,7-9".

    Returns:
        the steps in the link's order, all of them if it names none; and the words that are no steps.

    >>> course, unknown = chosen("home,3-1,no")
    >>> course.titles, unknown
    (['To take home', 'Flatten', 'A classifier', 'The task'], ['no'])
    """
    found: dict[Step, None] = {}
    unknown = []
    for word in filter(None, map(str.strip, text.split(","))):
        steps = _steps(word)
        found.update(dict.fromkeys(steps))
        unknown += [] if steps else [word]
    return Course(tuple(found) or STEPS), unknown


def _steps(word: str) -> list[Step]:
    """The steps of one word: a preset, a name, a number or a range of them; none if it is none of these."""
    named = {step.name: step for step in STEPS}
    numbered = {str(i): i for i in range(1, len(STEPS) + 1)}
    first, _, last = word.partition("-")
    if word in PRESETS:
        return [named[name] for name in PRESETS[word]]
    if first in numbered and (last or first) in numbered:
        a, b = numbered[first], numbered[last or first]
        return [STEPS[i - 1] for i in (range(a, b + 1) if a <= b else range(a, b - 1, -1))]
    return [named[word]] if word in named else []
