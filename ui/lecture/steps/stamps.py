"""A deconvolution with its numbers: stamps that add up, and the same by padding and convolving."""

from fcnviz.lessons.upsampling import kernels, transposed
from ui.figures.numbers import delta, short
from ui.lecture.scene import Scene
from ui.lecture.slide import Figure, Picture, Slide
from ui.lecture.steps.parts import sheet
from ui.upsampling import figures, inputs, sliding, stamping
from ui.upsampling.inputs import Cut, Setting

PAGE = "pages/upsampling.py"
# What the page starts with.
_KERNEL, _SIZE, _STRIDE, _PAD = "bilinear", 4, 2, 1


def _setting(s: Scene) -> tuple[Cut, Setting]:
    """The page's kernel on a row of the photo's own coarse scores."""
    found = inputs.cut(s.results[0], inputs.SIZES[1])
    kernel = kernels.kernel(_KERNEL, _SIZE, _STRIDE, 1)
    return found, Setting(inputs.rounded(found, 1), kernel, _STRIDE, _PAD)


def _middle(setting: Setting) -> int:
    return (setting.size[0] - 1) // 2


def _sum(setting: Setting) -> str:
    """Write the sum that makes the middle output cell."""
    cell = (_middle(setting),)
    found = transposed.terms(setting.x, setting.kernel, setting.stride, setting.pad, cell)
    total = sum(term.value * term.weight for term in found)
    return f"out[{cell[0]}] = {' + '.join(map(stamping.product, found))} = {short(total)}"


def stamps(s: Scene) -> Slide:
    """A row of the photo's scores, stamped one value after the other."""
    cut, setting = _setting(s)
    n = len(setting.x)
    made = [_stamped(setting, step, cut.text) for step in range(1, n + 1)]
    sentence = "Deconvolution: each value stamps value × kernel into the output, and overlaps add."
    notes = (
        f"Section 3.3: upsampling by {_STRIDE} is convolution with a fractional stride, that is, backwards "
        f"convolution. Input: {cut.text}, rounded to one decimal. Kernel: bilinear, {_SIZE} wide. Each press "
        f"of the key sets one stamp. It is the transpose of a convolution, not its inverse. {_sum(setting)}."
    )
    query = {"section": "Stamping", "t_input": inputs.HEATMAP}
    slides = [
        Slide(sentence, notes, Figure((one,)), PAGE, query | {"t_step": str(i)})
        for i, one in enumerate(made, 1)
    ]
    return Slide(sentence, notes, Figure((made[-1],)), PAGE, slides[-1].query, tuple(slides[:-1]))


def _stamped(setting: Setting, step: int, text: str) -> Picture:
    x, kernel = setting.x.numpy(), setting.kernel.numpy()
    panel = figures.stamp_sheet(x, kernel, setting.stride, setting.pad, step=step, cell=_middle(setting))
    done = step == len(x)
    caption = f"dotted: {_sum(setting)}" if done else f"stamp {step} of {len(x)}. Input: {text}"
    made = sheet(panel, 3)
    return Picture("", made.shows, made.layers, made.marks, caption)


def convolve(s: Scene) -> Slide:
    """The same output by zeros that are put in and an ordinary convolution."""
    cut, setting = _setting(s)
    x, kernel, stride, pad = setting.x, setting.kernel, setting.stride, setting.pad
    cell, out = _middle(setting), transposed.by_convolution(x, kernel, stride, pad)
    apart = transposed.largest_difference({"stamps": transposed.by_stamping(x, kernel, stride, pad), "": out})
    whole, zeros = (
        sliding.sheet(setting, len(out)),
        f"{stride - 1} zero between the cells, {len(kernel) - 1 - pad}",
    )
    asked = sliding.sheet(setting, cell)
    query = {"section": "Pad and convolve", "t_input": inputs.HEATMAP, "c_step": str(len(out))}
    notes = (
        f"Put s − 1 = {stride - 1} zero between the cells and k − 1 − p = {len(kernel) - 1 - pad} around "
        "them, and slide the flipped kernel by one cell at a time. The same products, so the same sums as "
        f"the stamps: max |Δ| = {delta(apart)} in float64. Input as before: {cut.text}. {_sum(setting)}."
    )
    question = f"Put {zeros} around, and slide the flipped kernel: which number comes out at place {cell}?"
    return Slide(
        "The same numbers by padding with zeros and sliding the flipped kernel: an ordinary convolution.",
        notes,
        Figure((_slid(whole, f"{_sum(setting)}; all of them against the stamps: max |Δ| = {delta(apart)}"),)),
        PAGE,
        query,
        (Slide(question, notes, Figure((_slid(asked, "hatched: zeros that are put in"),)), PAGE, query),),
    )


def _slid(panel: figures.Panel, caption: str) -> Picture:
    made = sheet(panel, 4)
    return Picture("", made.shows, made.layers, made.marks, caption)
