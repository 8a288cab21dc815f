"""Pictures, pixel by pixel: every PNG is decoded again, and every search is repeated the slow way."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.colors import Normalize
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.segmentation import find_boundaries

from fcnviz.photos import voc
from fcnviz.render import (
    CONFIDENCE_CMAP,
    FLIP_TO_BACKGROUND,
    OUTLINE,
    PALETTES,
    REST_GREY,
    SPOT_COLOUR,
    Scale,
    boundaries,
    boundary_layer,
    change_layer,
    colorbar,
    colorize,
    disagreement_window,
    flipped_share,
    flips,
    heatmap,
    heatmap_png,
    label_png,
    label_spots,
    layer,
    most_disputed,
    nearest,
    overlay,
    shares,
    spotlight,
    to_jpeg,
    to_png,
    to_webp,
    true_outline,
)

VOC, SAFE = PALETTES["VOC"], PALETTES["Colour-blind safe"]
DOG, PERSON, VOID = 12, 15, 255

# Machado, Oliveira & Fernandes 2009, severity 1.0, on linear RGB
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def blobs(
    seed: int = 0, size: tuple[int, int] = (37, 53), classes: int = 5, void: bool = False
) -> np.ndarray:
    """A label map of flat rectangles; class 20 and, if asked, void are among them."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(size, np.uint8)
    for label in [*rng.integers(0, 20, classes), 20, *([VOID] if void else []), DOG]:
        top, left = rng.integers(0, size[0] - 6), rng.integers(0, size[1] - 6)
        labels[top : top + rng.integers(3, 20), left : left + rng.integers(3, 20)] = label
    return labels


def photo(size: tuple[int, int] = (37, 53)) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (*size, 3), dtype=np.uint8)


def decode(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """(indices, RGBA) of a palette PNG."""
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.mode) == ("PNG", "P")
    return np.array(image), np.array(image.convert("RGBA"))


# Palettes


def seen_by(colours: np.ndarray, vision: str) -> np.ndarray:
    """CIELAB of sRGB colours, (N, 3), as an eye of that kind sees them."""
    c = colours / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ np.transpose(VISIONS[vision])
    linear = linear.clip(0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def differences(a: np.ndarray, b: np.ndarray, vision: str) -> np.ndarray:
    """CIEDE2000 differences of all pairs; a colour does not count against itself."""
    d = deltaE_ciede2000(seen_by(a, vision)[:, None], seen_by(b, vision)[None])
    return np.where((a[:, None] == b[None]).all(-1), np.inf, d)


@pytest.mark.parametrize(("vision", "apart"), [(v, 16.1 if v == "normal" else 8.8) for v in VISIONS])
def test_safe_palette_stays_apart_and_beats_voc(vision, apart):
    ours, theirs = differences(SAFE[1:21], SAFE[1:21], vision), differences(VOC[1:21], VOC[1:21], vision)
    assert np.isfinite(ours).sum() == 20 * 19
    assert ours.min() > apart
    assert ours.min() > 3 * theirs.min()


@pytest.mark.parametrize("vision", VISIONS)
def test_common_classes_are_best_separated(vision):
    names = ("person", "cat", "dog", "car", "motorbike", "diningtable")
    common = SAFE[[voc.CLASSES.index(name) for name in names]]
    assert differences(common, SAFE[1:21], vision).min() > 10.2


@pytest.mark.parametrize("vision", VISIONS)
def test_safe_colours_differ_from_black_void_and_white_and_are_not_dark(vision):
    others = np.array([SAFE[0], SAFE[VOID], FLIP_TO_BACKGROUND], np.uint8)
    assert differences(SAFE[1:21], others, vision).min() > 8.8
    lightness = seen_by(SAFE[1:21], "normal")[:, 0]
    assert lightness.min() > 39
    assert lightness.max() < 91


def test_palettes_share_black_void_and_shape():
    np.testing.assert_array_equal(VOC, voc.palette())
    for palette in PALETTES.values():
        assert palette.shape == (256, 3)
        assert palette.dtype == np.uint8
        assert palette[0].tolist() == [0, 0, 0]
        assert palette[VOID].tolist() == [224, 224, 192]
        assert len(np.unique(palette[[*range(21), VOID]], axis=0)) == 22


# Layers


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_colorize_looks_up_each_pixel(dtype):
    labels = blobs(void=True)
    painted = colorize(labels.astype(dtype), SAFE)
    assert painted.dtype == np.uint8
    assert painted.shape == (37, 53, 3)
    for y, x in np.ndindex(labels.shape):
        assert (painted[y, x] == SAFE[labels[y, x]]).all()


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES.keys())
@pytest.mark.parametrize("seed", range(8))
def test_layer_keeps_indices_and_hides_background_only(seed, palette):
    labels = blobs(seed, void=seed % 2 == 1)
    indices, rgba = decode(layer(labels, palette))
    np.testing.assert_array_equal(indices, labels)
    np.testing.assert_array_equal(rgba[..., :3], palette[labels])
    np.testing.assert_array_equal(rgba[..., 3], np.where(labels == 0, 0, 255))


@pytest.mark.parametrize("top", [0, 1, 3, 15, 16, 20, 255])
def test_layer_is_exact_at_every_bit_depth(top):
    labels = np.arange(top + 1, dtype=np.uint8)[None].repeat(3, axis=0)
    indices, rgba = decode(layer(labels, SAFE))
    np.testing.assert_array_equal(indices, labels)
    np.testing.assert_array_equal(rgba[..., 3], np.where(labels == 0, 0, 255))
    np.testing.assert_array_equal(decode(label_png(labels, SAFE))[1][..., :3], SAFE[labels])


@pytest.mark.parametrize("keep", [0, 5, DOG, 20, VOID])
def test_layer_keeps_one_class(keep):
    labels = blobs(1, void=True)
    for opaque in (False, True):
        indices, rgba = decode(layer(labels, VOC, keep=keep, opaque=opaque))
        np.testing.assert_array_equal(indices, labels)
        np.testing.assert_array_equal(rgba[..., 3], np.where(labels == keep, 255, 0))


def test_opaque_layer_hides_nothing():
    labels = blobs(void=True)
    indices, rgba = decode(layer(labels, VOC, opaque=True))
    np.testing.assert_array_equal(indices, labels)
    assert (rgba[..., 3] == 255).all()


def test_label_png_is_exact_and_has_no_transparency():
    labels = blobs(void=True)
    data = label_png(labels, VOC)
    indices, rgba = decode(data)
    np.testing.assert_array_equal(indices, labels)
    np.testing.assert_array_equal(rgba[..., :3], VOC[labels])
    assert b"tRNS" not in data
    assert (rgba[..., 3] == 255).all()


def test_layers_are_small():
    labels = nearest(blobs(), 10)
    assert len(layer(labels, VOC)) < labels.size / 100
    assert len(boundary_layer(labels, VOC)) < labels.size / 100


# Boundaries


@pytest.mark.parametrize("seed", range(8))
def test_boundaries_equal_skimage(seed):
    labels = blobs(seed)
    np.testing.assert_array_equal(boundaries(labels), find_boundaries(labels, connectivity=1, mode="thick"))


@pytest.mark.parametrize("seed", range(4))
def test_boundaries_are_symmetric(seed):
    labels = blobs(seed, void=True)
    for turn in (np.flipud, np.fliplr, np.transpose):
        np.testing.assert_array_equal(boundaries(turn(labels)), turn(boundaries(labels)))


def test_void_is_no_boundary_but_makes_one():
    labels = np.array([[0, 0, VOID, VOID, VOID, 5, 5, 5]])
    assert boundaries(labels).tolist() == [[False, True, False, False, False, True, False, False]]
    assert not boundaries(np.full((4, 4), VOID)).any()
    assert not boundaries(np.full((4, 4), 3)).any()


@pytest.mark.parametrize(("side", "thick"), [(60, 1), (500, 2), (1000, 4)])
def test_boundary_lines_are_inside_and_as_thick_as_the_image_asks(side, thick):
    labels = np.zeros((20, side), np.uint8)
    labels[:, 20:40] = DOG
    indices, rgba = decode(boundary_layer(labels, VOC))
    columns = np.flatnonzero(rgba[10, :, 3])
    assert columns.tolist() == [*range(20, 20 + thick), *range(40 - thick, 40)]
    assert set(np.unique(indices)) == {0, DOG}
    assert (rgba[10, 20, :3] == VOC[DOG]).all()


def test_thick_lines_do_not_grow_into_void():
    labels = np.full((20, 500), DOG)
    labels[:, 100:200] = VOID
    for keep in (None, VOID):
        visible = decode(boundary_layer(labels, VOC, keep=keep))[1][..., 3] > 0
        assert visible.any() == (keep is None)
        assert not visible[labels == VOID].any()


@pytest.mark.parametrize("keep", [None, 0, DOG, 20])
def test_boundary_layer_shows_object_boundaries_only(keep):
    labels = blobs(2, void=True)
    visible = decode(boundary_layer(labels, SAFE, keep=keep))[1][..., 3] > 0
    wanted = (labels != 0) if keep is None else (labels == keep) & (labels != 0)
    np.testing.assert_array_equal(visible, boundaries(labels) & wanted)


# Spotlight


@pytest.mark.parametrize("keep", [None, DOG])
def test_a_spotlight_leaves_what_is_segmented_as_it_is_and_covers_the_rest(keep):
    labels, image = blobs(void=True), photo()
    shown = ((labels != 0) & (labels != VOID)) if keep is None else labels == keep
    layer, outline = spotlight(labels, keep=keep)
    over = Image.open(io.BytesIO(layer)).convert("RGBA")
    edge = decode(outline)[1][..., 3] > 0
    seen = np.asarray(Image.alpha_composite(Image.fromarray(image).convert("RGBA"), over).convert("RGB"))
    assert (seen[shown & ~edge] == image[shown & ~edge]).all()
    assert (seen[edge] == SPOT_COLOUR).all()
    assert edge.any()
    assert shown[edge].all()
    assert np.abs(seen[~shown].astype(int) - REST_GREY).max() < 0.15 * 255


def test_the_true_outline_is_black_and_white_on_both_sides_of_each_boundary():
    labels = blobs()
    line = decode(true_outline(labels))[1]
    assert ((line[..., 3] > 0) == boundaries(labels)).all()
    assert set(map(tuple, line[line[..., 3] > 0])) == {(0, 0, 0, 255), (255, 255, 255, 255)}
    alone = decode(true_outline(labels, keep=DOG))[1][..., 3] > 0
    assert (alone == boundaries(labels == DOG)).all()
    thick = decode(true_outline(np.repeat([[0] * 9 + [DOG] * 9], 3, 0), thick=6))[1][..., 3] > 0
    assert (np.flatnonzero(thick[1]) == np.arange(6, 12)).all()


def test_what_changes_is_opaque_and_all_else_is_not():
    before, after = blobs(1, void=True), blobs(2)
    alpha = decode(change_layer(before, after))[1][..., 3]
    assert ((alpha > 0) == ((before != after) & (before != VOID))).all()


def test_names_are_written_inside_their_class_the_largest_first():
    labels = blobs(void=True)
    spots = label_spots(labels, 0)
    assert set(spots) == set(labels.ravel().tolist()) - {0, VOID}
    assert all(labels[y, x] == index for index, (x, y) in spots.items())
    counts = [int((labels == index).sum()) for index in spots]
    assert counts == sorted(counts, reverse=True)


# Overlay


@pytest.mark.parametrize("opacity", [0, 0.3, 0.5, 1])
def test_overlay_blends_objects_and_leaves_background(opacity):
    labels, image = blobs(void=True), photo()
    result = overlay(image, labels, SAFE, opacity)
    blend = (1 - opacity) * image.astype(float) + opacity * SAFE[labels]
    background = labels == 0
    np.testing.assert_array_equal(result[background], image[background])
    assert np.abs(result[~background] - blend[~background]).max() <= 0.5
    np.testing.assert_array_equal(image, photo())  # not painted on


def test_overlay_keeps_one_class():
    labels, image = blobs(), photo()
    result = overlay(image, labels, VOC, 1, keep=DOG)
    np.testing.assert_array_equal(result, np.where((labels == DOG)[..., None], VOC[DOG], image))


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_overlay_refuses_impossible_opacity(opacity):
    with pytest.raises(ValueError, match="opacity"):
        overlay(photo(), blobs(), VOC, opacity)


# Flips


def test_flips_show_the_new_label_on_a_dim_grey_photo():
    before, after = blobs(0), blobs(1)
    result = np.array(Image.open(io.BytesIO(flips(photo(), before, after, SAFE))).convert("RGB"))
    changed, lost = before != after, (before != after) & (after == 0)
    assert lost.any()
    assert (changed & ~lost).any()
    assert (result[lost] == FLIP_TO_BACKGROUND).all()
    np.testing.assert_array_equal(result[changed & ~lost], SAFE[after[changed & ~lost]])
    still = result[~changed]
    assert (still == still[:, :1]).all()
    assert still.max() <= 102
    grey = np.array(Image.fromarray(photo()).convert("L"))[~changed]
    assert np.abs(still[:, 0] - 0.4 * grey).max() <= 1


def test_flipped_share():
    a = blobs(0)
    assert flipped_share(a, a) == 0
    assert flipped_share(a, a + 1) == 1
    assert flipped_share(a, blobs(1)) == pytest.approx((a != blobs(1)).mean())
    assert flipped_share([[0, 1, VOID, VOID]], [[0, 2, 3, VOID]]) == 0.5
    assert flipped_share([[VOID]], [[VOID]]) == 0


def test_void_does_not_flip():
    before, after = np.full((4, 4), VOID), np.full((4, 4), DOG)
    for pair in ((before, after), (after, before)):
        assert np.array(Image.open(io.BytesIO(flips(photo((4, 4)), *pair, VOC)))).max() <= 102


# Disagreement


@given(
    seed=st.integers(0, 2**31),
    height=st.integers(3, 40),
    width=st.integers(3, 40),
    fraction=st.floats(0.1, 1),
    rate=st.sampled_from([0.001, 0.02, 0.3]),
)
@settings(max_examples=80)
def test_window_equals_brute_force(seed, height, width, fraction, rate):
    rng = np.random.default_rng(seed)
    maps = [np.where(rng.random((height, width)) < rate, rng.integers(0, 21), 0) for _ in range(3)]
    top, left, h, w = disagreement_window(maps, fraction)
    assert h == min(height, max(8, round(height * fraction)))
    assert w == min(width, max(8, round(width * fraction)))

    differ = (maps[0] != maps[1]) | (maps[0] != maps[2])
    points = np.argwhere(differ) if differ.any() else np.argwhere(np.ones_like(differ))
    found = {}
    for y, x in np.ndindex(height - h + 1, width - w + 1):
        away = np.hypot(*((y + (h - 1) / 2, x + (w - 1) / 2) - points.mean(0)))
        found[y, x] = (-int(differ[y : y + h, x : x + w].sum()), round(away, 6))
    assert found[top, left] == min(found.values())


def test_window_finds_the_one_difference():
    a = np.zeros((200, 120), np.uint8)
    b = a.copy()
    b[150:160, 60:70] = 3
    top, left, h, w = disagreement_window([a, a, b])
    assert (h, w) == (50, 30)
    assert top <= 150
    assert top + h >= 160
    assert left <= 60
    assert left + w >= 70
    assert (top, left) == (130, 50)  # with the difference in its middle


def test_the_most_disputed_pixel_has_the_most_labels_in_that_window():
    a = np.zeros((200, 120), np.uint8)
    b, c = a.copy(), a.copy()
    b[100:110, 60:70] = c[100:110, 60:70] = 3
    b[5, 5], c[5, 5] = 1, 2  # three labels, but alone
    assert 60 <= most_disputed([a, b, c])[0] < 70
    c[103, 66] = 9
    assert most_disputed([a, b, c]) == (66, 103)
    assert most_disputed([a, a]) is None
    assert most_disputed([a]) is None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_window_is_central_where_all_agree(count):
    assert disagreement_window([blobs(0, (80, 100))] * count) == (30, 37, 20, 25)


def test_window_is_never_larger_than_the_image():
    assert disagreement_window([np.zeros((5, 6), int)]) == (0, 0, 5, 6)
    assert disagreement_window([np.zeros((5, 6), int)], fraction=3) == (0, 0, 5, 6)
    assert disagreement_window([np.zeros((40, 9), int)])[2:] == (10, 8)


@pytest.mark.parametrize("maps", [[], [np.zeros((4, 5)), np.zeros((5, 4))]])
def test_window_refuses_maps_that_do_not_match(maps):
    with pytest.raises(ValueError, match="array"):
        disagreement_window(maps)


# Numbers as colours


def test_heatmap_equals_matplotlib():
    values = np.random.default_rng(0).normal(0, 10, (30, 40))
    for cmap in ("viridis", "coolwarm"):
        theirs = colormaps[cmap](Normalize(-8, 12)(values), bytes=True)[..., :3]
        np.testing.assert_array_equal(heatmap(values, Scale(-8, 12, cmap)), theirs)


def test_heatmap_of_odd_values():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = heatmap([[np.nan, -np.inf, np.inf, 3.0]], Scale(0, 1))
        flat = heatmap([[2.0, np.nan, 9.0]], Scale(2, 2))
    first, *_, last = colorbar("viridis", 256, 1)[0].tolist()
    assert picture.tolist() == [[[128, 128, 128], first, last, last]]
    assert flat.tolist() == [[first, [128, 128, 128], first]]


CONFIDENCE = Scale(0, 1, CONFIDENCE_CMAP)


def test_heatmap_png_has_64_levels():
    confidence = np.linspace(0, 1, 640).reshape(20, 32)
    indices, rgba = decode(heatmap_png(confidence, CONFIDENCE))
    np.testing.assert_array_equal(indices, np.minimum(np.floor(confidence * 64), 63))
    assert len(np.unique(indices)) == 64
    assert (rgba[..., 3] == 255).all()
    exact = heatmap(confidence, CONFIDENCE).astype(int)
    assert np.abs(exact - rgba[..., :3]).max() <= 8


def test_heatmap_png_clips():
    indices, _ = decode(heatmap_png([[-1, 0, 1, 2]], CONFIDENCE))
    assert indices.tolist() == [[0, 0, 63, 63]]


def test_confidence_colours_rise_in_lightness():
    _, rgba = decode(heatmap_png(np.arange(64)[None] / 64 + 1 / 128, CONFIDENCE))
    assert (np.diff(seen_by(rgba[0, :, :3], "deuteranopia")[:, 0]) > 0).all()


@pytest.mark.parametrize("width", [1, 100, 256, 700])
def test_colorbar_runs_from_left_to_right(width):
    bar = colorbar("cividis", width, 5)
    assert bar.shape == (5, width, 3)
    assert bar.dtype == np.uint8
    assert (bar == bar[:1]).all()
    np.testing.assert_array_equal(bar[:1], heatmap(np.arange(width)[None] / width, Scale(0, 1, "cividis")))


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3)])
@pytest.mark.parametrize("scale", [1, 2, 32])
def test_nearest_makes_flat_squares(shape, scale):
    grid = np.random.default_rng(0).integers(0, 99, shape)
    large = nearest(grid, scale)
    assert large.shape == (3 * scale, 4 * scale, *shape[2:])
    assert large.dtype == grid.dtype
    for y, x in np.ndindex(large.shape[:2]):
        assert (large[y, x] == grid[y // scale, x // scale]).all()


# Files and shares


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3), (9, 7, 4)])
def test_png_is_lossless(shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(to_png(array)))), array)


@pytest.mark.parametrize(("encode", "kind"), [(to_webp, "WEBP"), (to_jpeg, "JPEG")])
def test_lossy_pictures_are_close_and_obey_quality(encode, kind):
    smooth = heatmap(np.add.outer(np.arange(90.0), np.arange(120.0)), Scale(0, 210))
    image = Image.open(io.BytesIO(encode(smooth)))
    assert image.format == kind
    assert np.abs(np.array(image).astype(int) - smooth).mean() < 4
    assert len(encode(photo(), 20)) < len(encode(photo(), 80)) < len(to_png(photo()))


def test_an_empty_map_has_no_names():
    assert label_spots(np.zeros((0, 0), np.uint8)) == {}


def test_shares_leave_void_out():
    labels = blobs(void=True)
    s = shares(labels, 21)
    counted = labels[labels != VOID]
    np.testing.assert_allclose(s, [(counted == c).mean() for c in range(21)])
    assert s.sum() == pytest.approx(1)
    assert shares(np.full((2, 2), VOID), 21).tolist() == [0] * 21
    with pytest.raises(ValueError, match="class 20 "):
        shares(labels, 20)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 3, 1), int), "integers"),
        (np.zeros((2, 3)), "integers"),
        ([[0, 256]], "0 to 255"),
        ([[0, -1]], "0 to 255"),
    ],
)
def test_what_is_no_label_map_is_refused(bad, message):
    for draw in (colorize, layer, label_png, boundary_layer):
        with pytest.raises(ValueError, match=message):
            draw(bad, VOC)


def test_labels_must_fit_the_photo():
    image, wrong = photo(), blobs(0, (53, 37))
    with pytest.raises(ValueError, match="sizes must match"):
        overlay(image, wrong, VOC, 0.5)
    with pytest.raises(ValueError, match="sizes must match"):
        flips(image, blobs(), wrong, VOC)
    with pytest.raises(ValueError, match="sizes must match"):
        flipped_share(blobs(), wrong)


def test_layer_outline_marks_inner_edges_and_nothing_else():
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 10:30] = 8
    image = Image.open(io.BytesIO(layer(labels, PALETTES["VOC"], outline=True)))
    index, alpha = np.asarray(image), np.asarray(image.convert("RGBA"))[..., 3]
    edge = boundaries(labels) & (labels == 8)
    assert (index[edge] == OUTLINE).all()
    assert (index[~edge] == labels[~edge]).all()
    assert (alpha == np.where(labels, 255, 0)).all()
    assert np.asarray(image.convert("RGB"))[10, 10].tolist() == [255, 255, 255]
