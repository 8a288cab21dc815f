"""From coarse to fine: one class's heatmap, on one scale and at one place."""

from fcnviz.lessons.heatmaps.learned_kernels import learned_kernels
from ui.figures.grids import Layer, coarse
from ui.figures.pictures import Extent
from ui.figures.theme import OPACITY
from ui.heatmaps.choice import Heatmap
from ui.lecture.scene import Scene
from ui.lecture.slide import Figure, Slide
from ui.lecture.steps.parts import printed, probability, with_closeup
from ui.running.networks import model

PAGE = "pages/heatmaps.py"


def _heat(s: Scene, stride: int, way: str, sentence: str, notes: str) -> Slide:
    """Make a slide about one class; `way` is "coarse", or one of `reconstruct.WAYS`."""
    source = s.heatmap(stride)
    made, title = source.pictures, source.result.title
    (h, w), (width, height) = made.coarse.shape, s.photo.input.size
    caption = f"{title}: {w} × {h} cells"
    if way == "coarse":
        left, top, *_ = source.cells.edges(0, 0)
        *_, right, bottom = source.cells.edges(w - 1, h - 1)
        layer = coarse(made.coarse, made.scale, Extent(left, top, right, bottom), OPACITY)
    else:
        layer = Layer(made.pngs[way], s.extent, OPACITY)
        caption += f" → {width} × {height} px"
    figure = Figure(with_closeup(s, (s.base, layer), caption), probability(s.name, made.scale))
    notes += "" if source.result.stride == stride else f" {_ABLATION.format(title)}"
    query = {"section": "Dense", "class": s.name, "net": f"{source.result.stride}s", "stage": str(stride)}
    return Slide(sentence, notes, figure, PAGE, {**query, "values": "Probability", "over": "true"})


_ABLATION = "These weights hold no network that ends here: shown is {} with its later skips off, an ablation."


def too_coarse(s: Scene) -> Slide:
    """The probabilities on the coarse grid of stride 32."""
    sentence = f"Trained to segment, it answers for every class, here “{s.name}”, but once per 32 pixels "
    sentence += "only."
    notes = (
        "Section 4.1: the classifier's last layer becomes one of 21 scores, 20 classes of VOC and "
        "background, and is fine-tuned. Five halvings make its stride 32: finer detail has to be guessed. "
        f"In print: {printed('FCN-32s')}."
    )
    return _heat(s, 32, "coarse", sentence, notes)


def bilinear(s: Scene) -> Slide:
    """The same scores after bilinear interpolation."""
    sentence = "Bilinear interpolation makes the map smooth, but adds nothing that was not there before."
    notes = (
        "Section 3.3: each pixel is a weighted mean of its four nearest cells. The colours and the place are "
        "those of the step before, so that the two can be compared by going back and forth. Softmax is taken "
        "after upsampling, as the network does."
    )
    return _heat(s, 32, "bilinear", sentence, notes)


def deconvolution(s: Scene) -> Slide:
    """The same scores after the network's own deconvolution."""
    source = s.heatmap(32)
    made = source.pictures
    sentence = "A deconvolution can do the same as a layer of the network, and can learn a kernel of its own."
    notes = (
        "Section 3.3: upsampling is convolution with a fractional stride, that is, backwards convolution. "
        f"The paper fixes the last one to bilinear and learns the others; here {_kernel(s, source)}. On this "
        f"photo learning moves a probability by at most {made.learning.most:.3f}; the zeros beyond the "
        f"border by at most {made.border.most:.3f}."
    )
    return _heat(s, 32, "learned", sentence, notes)


def _kernel(s: Scene, source: Heatmap) -> str:
    """Say what became of the kernel of the network's last deconvolution."""
    last = learned_kernels(model(source.result.net), s.index)[-1]
    if last.frozen:
        return f"{last.layer} is bilinear, as it started"
    moved = f"{100 * last.change:.0f} % of its norm"
    return f"{last.layer} is learned, and its kernel for {s.name} moved by {moved}"


def add_pool4(s: Scene) -> Slide:
    """The heatmap after the first skip."""
    sentence = "pool4 is twice as fine: its scores are added to the deep ones, and the grid has stride 16."
    notes = (
        "Section 4.2: a 1 × 1 convolution scores pool4, the deep scores are upsampled by a factor of 2, and "
        f"the two are summed. This is FCN-16s, fine-tuned from FCN-32s. In print: {printed('FCN-16s')}."
    )
    return _heat(s, 16, "learned", sentence, notes)


def add_pool3(s: Scene) -> Slide:
    """The heatmap after the second skip."""
    sentence = "pool3 is finer still: its scores are added as well, and now the grid has a stride of 8."
    notes = (
        "Section 4.2: the same once more, with pool3, gives FCN-8s. The paper goes no further, as the gain "
        f"gets small: {printed('FCN-8s')}. Shown are its own logits after softmax."
    )
    return _heat(s, 8, "learned", sentence, notes)
