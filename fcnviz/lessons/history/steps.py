"""The steps of semantic segmentation: each with one weakness that it removed, and one figure in print.

Sentences are ours. A figure stands here as its source prints it, and `source` is where it can be read.
"""

from dataclasses import dataclass

#: The parts of the time line, in order.
ERAS = ("Before FCN", "Grid and outline", "Context", "Beyond")


@dataclass(frozen=True)
class Figure:
    """A figure in print.

    Attributes:
        value: the figure and its unit.
        about: what it counts or measures, with data set and split.
        paper: title of the publication that prints it.
        venue: where that appeared.
        year: year of the venue.
        where: place in the paper.
        source: address at which it can be read.
        voc2012_test: whether it is a mean IU on PASCAL VOC2012 test.
        note: what makes it hard to compare; "" if the source names nothing.
    """

    value: str
    about: str
    paper: str
    venue: str
    year: int
    where: str
    source: str
    voc2012_test: bool = False
    note: str = ""


@dataclass(frozen=True)
class Step:
    """A step of the time line.

    Attributes:
        era: one of `ERAS`.
        name: the network or method.
        year: year of its first publication.
        weakness: what it found too weak, in a few words.
        answer: what it did about that, in one sentence.
        figure: one figure in print.
        page: file of the app's page that shows the weakness.
        section: the page's section; "" if it has none.
        live: the section of History that computes the idea on the photo; "" if none does.
    """

    era: str
    name: str
    year: int
    weakness: str
    answer: str
    figure: Figure
    page: str
    section: str = ""
    live: str = ""


_FCN = "Fully Convolutional Networks for Semantic Segmentation"
_TEST = "mean IU, PASCAL VOC2012 test"

STEPS: tuple[Step, ...] = (
    Step(
        "Before FCN", "Ciresan et al.", 2012, "A classifier names a photo, but no pixel of it",
        "They classify the window around each pixel, so windows that overlap are computed again and again.",
        Figure(
            "512 × 512 × 30", "pixels to train on, ISBI 2012 EM segmentation challenge",
            "Deep Neural Networks Segment Neuronal Membranes in Electron Microscopy Images", "NIPS", 2012,
            "abstract",
            "https://papers.nips.cc/paper_files/paper/2012/file/459a4ddcb586f24efd9395aa7662bc7c-Metadata.json",
        ),
        "pages/convolutionalize.py", "Move it",
    ),
    Step(
        "Before FCN", "Farabet et al.", 2013, "One window has one size",
        "They describe each pixel at several scales, but take the outlines from another method's regions.",
        Figure(
            "under 1 s", "for a photo of 320 × 240 px",
            "Learning Hierarchical Features for Scene Labeling", "IEEE TPAMI", 2013, "abstract",
            "https://studylib.net/doc/8074836/learning-hierarchical-features-for-scene-labeling",
        ),
        "pages/convolutionalize.py", "Photo",
    ),
    Step(
        "Before FCN", "R-CNN, SDS", 2014, "Most windows hold no object",
        "They classify region proposals only, yet each by itself, and what is not proposed is never found.",
        Figure(
            "51.6 %", f"{_TEST} (SDS)", _FCN, "CVPR", 2015, "table 3", "https://arxiv.org/abs/1411.4038",
            voc2012_test=True, note="region proposals",
        ),
        "pages/convolutionalize.py", "Digits",
    ),
    Step(
        "Before FCN", "FCN", 2015, "Every window is a pass of its own",
        "The classifier becomes convolutions: one pass scores all windows, a layer upsamples, skips refine.",
        Figure(
            "62.2 %", f"{_TEST} (FCN-8s)", _FCN, "CVPR", 2015, "abstract",
            "http://http.icsi.berkeley.edu/icsi/node/5763", voc2012_test=True,
        ),
        "pages/convolutionalize.py", "Race",
    ),
    Step(
        "Grid and outline", "DeconvNet", 2015, "FCN upsamples in few steps, by nearly bilinear kernels",
        "It mirrors the classifier: unpooling and learned deconvolutions, step by step up to the pixels.",
        Figure(
            "72.5 %", _TEST, "Learning Deconvolution Network for Semantic Segmentation", "ICCV", 2015,
            "abstract", "http://cvlab.postech.ac.kr/research/deconvnet/", voc2012_test=True,
            note="together with an FCN",
        ),
        "pages/heatmaps.py", "Kernels",
    ),
    Step(
        "Grid and outline", "SegNet", 2015, "Pooling forgets where its maximum was",
        "It keeps the place of each maximum, and puts the value back there, without learning to upsample.",
        Figure(
            "13", "convolutions in its encoder, those of VGG16",
            "SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation", "arXiv", 2015,
            "abstract", "http://arxitics.com/articles/1511.00561",
        ),
        "pages/heatmaps.py", "Dense",
    ),
    Step(
        "Grid and outline", "U-Net", 2015, "A skip adds no more than one score a class",
        "It concatenates all features of the finer layer, and learned convolutions decide what to use.",
        Figure(
            "under 1 s", "for an image of 512 × 512 px",
            "U-Net: Convolutional Networks for Biomedical Image Segmentation", "MICCAI", 2015, "abstract",
            "https://hyper.ai/en/papers/1505.04597",
        ),
        "pages/heatmaps.py", "Skips", "Add or concatenate",
    ),
    Step(
        "Grid and outline", "DeepLab", 2015, "A stride of 32 px is coarse, and outlines are soft",
        "Dilated kernels keep the map dense without new weights; a CRF then pulls the outline to the edges.",
        Figure(
            "71.6 %", _TEST,
            "Semantic Image Segmentation with Deep Convolutional Nets and Fully Connected CRFs", "ICLR",
            2015, "abstract", "https://huggingface.co/papers/1412.7062", voc2012_test=True,
        ),
        "pages/upsampling.py", "Shift and stitch", "Dilation",
    ),
    Step(
        "Context", "DeepLab with ASPP", 2016, "One receptive field has to fit large and small objects",
        "It reads the same map with several dilations side by side, so each cell sees several sizes.",
        Figure(
            "79.7 %", _TEST,
            "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, and "
            "Fully Connected CRFs", "arXiv", 2016, "abstract",
            "https://bytez.com/docs/arxiv/1606.00915/paper", voc2012_test=True,
        ),
        "pages/heatmaps.py", "Pixel", "Dilation",
    ),
    Step(
        "Context", "PSPNet", 2017, "A cell sees far less than its receptive field promises",
        "It averages the features over the whole photo and over parts of it, and gives that to each cell.",
        Figure(
            "80.2 %", "mean IU, Cityscapes test", "Pyramid Scene Parsing Network", "CVPR", 2017,
            "Cityscapes' results page", "https://cityscapes-dataset.com/method-details/?submissionID=314",
        ),
        "pages/heatmaps.py", "Pixel", "Context by pooling",
    ),
    Step(
        "Context", "DeepLabv3+", 2018, "With all that context, errors stay at the boundaries",
        "It keeps ASPP, and a small decoder brings a finer layer back in, as FCN's skips do.",
        Figure(
            "89 %", _TEST,
            "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation", "ECCV", 2018,
            "abstract",
            "https://openaccess.thecvf.com/content_ECCV_2018/html/"
            "Liang-Chieh_Chen_Encoder-Decoder_with_Atrous_ECCV_2018_paper.html",
            voc2012_test=True, note="more photos to train on",
        ),
        "pages/evaluate.py", "By class",
    ),
    Step(
        "Beyond", "SegFormer", 2021, "Convolutions mix neighbours only, layer by layer",
        "Attention lets a cell look at cells far away, from the first layers on; a light decoder joins them.",
        Figure(
            "84.0 %", "mean IU, Cityscapes validation (B5)",
            "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers", "NeurIPS",
            2021, "abstract", "https://arxiv.org/abs/2105.15203v2",
        ),
        "pages/heatmaps.py", "Pixel",
    ),
    Step(
        "Beyond", "Mask2Former", 2022, "One label a pixel cannot tell two neighbours of a class apart",
        "It predicts whole masks with a class each: one network for semantic, instance and panoptic results.",
        Figure(
            "57.7 %", "mean IU, ADE20K validation",
            "Masked-attention Mask Transformer for Universal Image Segmentation", "CVPR", 2022, "abstract",
            "https://rohitgirdhar.github.io/publication/2021_mask2former/",
        ),
        "pages/compare.py",
    ),
    Step(
        "Beyond", "SAM", 2023, "Only the classes of the training set exist: here 21",
        "It cuts out what one points at, and needs no list of classes; it does not name what it finds.",
        Figure(
            "over 1 billion", "masks to train on, SA-1B, on 11 million photos", "Segment Anything",
            "arXiv", 2023, "abstract", "https://www.algonomicon.com/article/2f1761d4-9ee1-4daf-9c20-ca2dedcf34bc",
        ),
        "pages/heatmaps.py", "Certainty",
    ),
)  # fmt: skip


def of_era(era: str) -> tuple[Step, ...]:
    """The steps of one of `ERAS`, in order."""
    return tuple(step for step in STEPS if step.era == era)


def on_voc2012_test() -> tuple[Step, ...]:
    """The steps whose figure is a mean IU on PASCAL VOC2012 test."""
    return tuple(step for step in STEPS if step.figure.voc2012_test)
