"""The questions: their answers, each worked out here in another way."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from fcnviz import fcn
from fcnviz.lessons import questions
from ui.page import path


def test_answers():
    assert questions.weights().answer == str(torch.nn.Conv2d(32, 8, 5, bias=False).weight.numel())
    assert questions.slid().answer == str(F.conv2d(torch.zeros(1, 1, 9, 12), torch.zeros(1, 1, 5, 5)).numel())
    assert questions.cells().answer == "8"  # the authors' own count, see docs of their repository
    x, kernel = (torch.tensor([[v]]).float() for v in ([1, 2, 3], [1, 2, 2, 1]))
    out = F.conv_transpose1d(x, kernel, stride=2)[0, 0]
    assert questions.stamped().answer == str(int(out[4]))
    assert questions.even().answer == "kernel 4, stride 2"
    assert questions.grids().answer == str((32 // 8) ** 2)
    assert questions.crop().answer == str(19 - 10)
    assert questions.least_padding().answer == "97"
    assert questions.joined().answer == str(512 * 21)
    coarse = fcn.build("lite0", 32, imagenet=False).eval().scores(torch.zeros(1, 3, 224, 320)).s32
    assert questions.patches().answer == str(coarse[0, 0].numel())
    assert questions.divided().answer == "5"
    assert questions.last_layer().answer == str(4096 * 21)
    assert questions.all_background().answer == f"{73 / 3:.1f} %"
    assert questions.summed().answer == "dog"
    assert questions.overlap().answer == f"{100 * 75 / (75 + 25 + 75):.1f} %"
    assert questions.dilated().answer == "5"
    assert questions.averages().answer == str(1 + 4 + 9 + 36)


@pytest.mark.parametrize("chapter", [page.label for page in path.CHAPTERS])
def test_a_chapter_asks_two_or_three(chapter):
    assert len(questions.of(chapter)) in (2, 3)


@pytest.mark.parametrize("chapter", [page.label for page in path.CHAPTERS])
def test_every_offered_answer_is_marked_and_one_alone_is_right(chapter):
    for question in questions.of(chapter):
        assert question.right(question.answer)
        offered = question.choices or tuple(str(int(question.answer) + step) for step in (-1, 0, 1))
        assert [question.right(choice) for choice in offered].count(True) == 1


def test_pages_outside_of_the_story_ask_nothing():
    assert questions.of("Start") == questions.of("Lecture") == ()
