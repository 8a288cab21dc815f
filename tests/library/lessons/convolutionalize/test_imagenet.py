"""The ImageNet classifiers, their crops and their names."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn
from torchvision.models import VGG16_Weights

from fcnviz import weights
from fcnviz.convolutionalize import convolutionalize
from fcnviz.lessons.convolutionalize import imagenet
from fcnviz.photos import samples
from fcnviz.photos.voc import CLASSES

CATS = {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"}


def test_there_are_a_thousand_names_each_once():
    names = imagenet.names()
    assert len(names) == len(set(names)) == 1000
    assert names == tuple(VGG16_Weights.IMAGENET1K_V1.meta["categories"])
    assert names[281:286] == ("tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat")


def test_groups_are_what_they_are_called():
    names, members = (
        imagenet.names(),
        {g: {imagenet.names()[i] for i in m} for g, m in imagenet.GROUPS.items()},
    )
    assert members["any cat"] == CATS
    assert len(imagenet.GROUPS["any dog"]) == 118  # ImageNet's number of breeds
    assert {"Chihuahua", "Mexican hairless"} <= members["any dog"]
    assert "timber wolf" not in members["any dog"]
    assert {"moped", "sports car", "steam locomotive", "tank"} <= members["any vehicle"]
    assert {"cock", "albatross"} <= members["any bird"]
    every = [i for group in imagenet.GROUPS.values() for i in group]
    assert len(set(every)) == len(every)  # no class is in two groups
    assert not set(imagenet.GROUPS) & set(names)
    assert imagenet.group_of(names.index("tiger cat")) == "any cat"
    assert imagenet.group_of(names.index("lion")) is None


def test_a_cell_of_the_heatmap_sees_more_than_its_window():
    with torch.device("meta"):
        net = convolutionalize(timm.create_model("tf_efficientnet_lite0"))
    kernels = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.AvgPool2d)]
    field, step = 1, 1
    for m in kernels:  # by hand: each kernel adds (k − 1) steps, each stride widens the step
        k, s = (v[0] if isinstance(v, tuple) else v for v in (m.kernel_size, m.stride))
        field, step = field + (k - 1) * step, step * s
    assert imagenet.field() == field > imagenet.CROP


@torch.no_grad()
def test_chelsea_is_a_cat_and_the_heatmap_says_where():
    photo, truth = samples.load("cat"), samples.annotation("cat")
    net = imagenet.lite0()
    scores = net(imagenet.prepare(imagenet.centre(photo)))[0]
    top = [imagenet.names()[i] for i in scores.topk(5).indices]
    assert CATS & set(top)
    index = next(i for i in scores.topk(5).indices.tolist() if imagenet.names()[i] in CATS)
    for shorter in (256, 384, 512):
        maps = convolutionalize(net)(imagenet.prepare(imagenet.scaled(photo, shorter)))[0].softmax(0)[index]
        y, x = np.unravel_index(int(maps.argmax()), maps.shape)
        factor = min(photo.size) / shorter
        centre = [int((32 * i + 112) * factor) for i in (y, x)]
        assert truth[centre[0], centre[1]] == CLASSES.index("cat")


@pytest.mark.parametrize("size", [(451, 300), (224, 224), (30, 500), (1, 1)])
def test_the_centre_crop_lies_in_the_centre(size):
    image = Image.new("RGB", size)
    crop, (left, top, side) = imagenet.centre(image), imagenet.window(image.size)
    assert crop.size == (224, 224)
    assert side == pytest.approx(min(size) * 224 / 256)
    assert (left + side / 2, top + side / 2) == (pytest.approx(size[0] / 2), pytest.approx(size[1] / 2))


@torch.no_grad()
@pytest.mark.parametrize("shorter", [224, 256, 352])
def test_scaling_gives_the_grid_that_the_page_announces(shorter):
    image = imagenet.scaled(samples.load("cat"), shorter)
    assert min(image.size) == shorter
    with torch.device("meta"):
        net = convolutionalize(timm.create_model("tf_efficientnet_lite0"))
    maps = net(torch.empty(1, 3, image.height, image.width, device="meta"))
    assert maps.shape == (1, 1000, imagenet.grid(image.height), imagenet.grid(image.width))


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Empty weights folder and an empty cache of torch."""
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "weights").mkdir()
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path


def test_vgg16_is_found_in_the_weights_folder_or_torchs_cache(hub):
    assert imagenet.vgg16_file() is None
    cached, own = hub / "hub/checkpoints" / weights.VGG16, hub / "weights" / weights.VGG16
    cached.touch()
    assert imagenet.vgg16_file() == cached
    own.touch()
    assert imagenet.vgg16_file() == own


def test_vgg16_file_is_read_if_it_fits_and_refused_otherwise(hub):
    file = hub / "weights" / weights.VGG16
    shapes = {key: value.shape for key, value in imagenet.vgg16_empty().state_dict().items()}
    torch.save({key: torch.full((1,), 0.5).expand(shape) for key, shape in shapes.items()}, file)  # tiny
    assert imagenet.vgg16_state(file)["classifier.0.weight"].shape == (4096, 25088)
    torch.save({"classifier.0.weight": torch.zeros(2)}, file)
    for content in (file.read_bytes(), b"no checkpoint"):
        file.write_bytes(content)
        with pytest.raises(weights.WeightsError, match="does not hold torchvision's VGG16"):
            imagenet.vgg16_state(file)


def test_vgg16_input_is_normalised_as_torchvision_does_it():
    from torchvision.models import VGG16_Weights
    from torchvision.transforms.functional import normalize, to_tensor

    image, wanted = samples.load("cat"), VGG16_Weights.IMAGENET1K_V1.transforms()
    expected = normalize(to_tensor(image), wanted.mean, wanted.std)[None]
    torch.testing.assert_close(imagenet.vgg16_prepare(image), expected)
