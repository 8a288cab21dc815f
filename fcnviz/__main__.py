"""`python -m fcnviz segment|train|study|evaluate|bench|weights|digits`: the same library, from the shell."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fcnviz import (
    bench,
    bootstrap,
    bundling,
    digits,
    evaluate,
    files,
    images,
    inference,
    parallel,
    quality,
    render,
    study,
    train,
    weights,
)
from fcnviz.settings import SettingsError, settings
from fcnviz.voc import VocFolder


def main(argv: list[str] | None = None) -> int:
    """Run one command; errors a user can mend are one sentence on stderr.

    Returns:
        exit status: 0, 1 after such an error, or 2 if an argument or a setting cannot be.
    """
    try:
        settings()
    except SettingsError as error:
        print(f"fcnviz: {error}", file=sys.stderr)
        return 2
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except (images.ImageError, weights.WeightsError, FileNotFoundError, ValueError) as error:
        print(f"fcnviz: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fcnviz", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_segment, _add_train, _add_study, _add_evaluate, _add_bench, _add_weights, _add_digits):
        add(commands)
    return parser


def _add_segment(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("segment", help="segment a photo and save the label map")
    p.add_argument("image", help="JPEG, PNG, WebP, BMP, TIFF or GIF")
    p.add_argument("--weights", default="lite0-fcn8s", metavar="NAME", help="see: weights list")
    p.add_argument("--out", required=True, metavar="FILE.png", help="label map, VOC palette, exact indices")
    p.add_argument("--overlay", metavar="FILE.png", help="also save the tinted photo")
    p.add_argument("--size", type=int, default=640, help="longest side in px (default 640; 0: as it is)")
    p.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    p.set_defaults(run=_segment)


def _segment(a: argparse.Namespace) -> None:
    model = weights.load(a.weights, a.device, fold=True)
    image = images.open_image(a.image)
    image = images.fit(image, a.size) if a.size else image
    result = inference.segment(model, image)
    colours = render.PALETTES["VOC"]
    _write(a.out, render.label_png(result.labels, colours))
    if a.overlay:
        tinted = render.overlay(np.asarray(image), result.labels, colours, 0.6)
        _write(a.overlay, render.to_png(tinted))
    print(f"{image.width} × {image.height} px, {1000 * result.seconds:.0f} ms on {result.device}")


def _write(path: str, data: bytes) -> None:
    with files.whole(Path(path)) as part:
        part.write_bytes(data)


def _add_train(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("train", help="train one stage, or go on with it", description=train.__doc__)
    p.add_argument("--data", required=True, metavar="DIR", help="VOC2012 or VOCdevkit folder")
    p.add_argument("--stage", required=True, choices=("32s", "16s", "8s"))
    p.add_argument("--out", required=True, metavar="DIR", help="run folder; an unfinished run is continued")
    p.add_argument("--init", help="run folder or weights of the stage before (32s: ImageNet)")
    for field in fields(train.Config):
        if field.name in ("stride", "init"):
            continue
        flag = f"--{field.name.replace('_', '-')}"
        if isinstance(field.default, bool):
            p.add_argument(flag, action="store_true")
        else:
            p.add_argument(
                flag, type=type(field.default), default=field.default, help=f"default {field.default}"
            )
    _add_machine(p)
    p.set_defaults(run=_train)


def _add_machine(p: argparse.ArgumentParser) -> None:
    """What a training runs on."""
    p.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    p.add_argument("--workers", type=int, default=1, help="processes that cut crops (default 1)")
    p.add_argument("--compile", action="store_true", help="torch.compile: about twice as fast on a CPU")


def _train(a: argparse.Namespace) -> None:
    given = {f.name: getattr(a, f.name) for f in fields(train.Config) if f.name != "stride"}
    config = train.Config(stride=int(a.stage.removesuffix("s")), **given)
    with parallel.world(weights.pick_device(a.device)) as world:
        machine = train.Machine(world.device, a.workers, a.compile, world)
        path = train.train(a.data, a.out, config, machine)
        if world.first:
            print(path)


def _add_study(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser(
        "study", help="what each choice of the training is worth", description=study.__doc__
    )
    p.add_argument("--data", required=True, metavar="DIR", help="VOC2012 or VOCdevkit folder")
    p.add_argument("--out", required=True, metavar="DIR", help="of the runs; finished ones are not repeated")
    names = [row.name for row in study.ROWS]
    p.add_argument(
        "--rows", nargs="+", choices=names, default=names, help="only these, and those that they need"
    )
    _add_machine(p)
    p.add_argument("--commands", action="store_true", help="only print the commands that train the rows")
    p.set_defaults(run=_study)


def _study(a: argparse.Namespace) -> None:
    rows = study.needed(a.rows)
    if a.commands:
        print(*(study.command(row) for row in rows), sep="\n")
        return
    machine = train.Machine(str(weights.pick_device(a.device)), a.workers, a.compile)
    print(study.study(a.data, a.out, rows, machine))


def _add_evaluate(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser(
        "evaluate", help="the paper's four metrics on a split; several processes: torchrun"
    )
    p.add_argument("--data", required=True, metavar="DIR", help="VOC2012 or VOCdevkit folder")
    p.add_argument("--split", default="val")
    p.add_argument(
        "--weights", required=True, nargs="+", metavar="NAME", help="or the folder of a training run"
    )
    p.add_argument("--limit", type=int, default=0, help="only that many photos (default: all)")
    p.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    p.add_argument("--json", metavar="FILE", help="also save the numbers and the counts behind them")
    p.add_argument("--record", action="store_true", help="write them into weights/manifest.json")
    p.set_defaults(run=_evaluate)


def _evaluate(a: argparse.Namespace) -> None:
    folder = VocFolder.open(a.data, a.split)
    with parallel.world(weights.pick_device(a.device)) as world:
        images = {name: _evaluate_one(folder, name, a, world) for name in a.weights}
    if not world.first:
        return
    results: dict[str, dict] = {}
    for name, before in zip(a.weights, [None, *a.weights[:-1]], strict=True):
        results[name] = {"split": a.split, "photos": len(images[name]), **_numbers(images, name, before)}
        title = f"{name} on {a.split}, {len(images[name])} photos at original size"
        print(evaluate.table(title, results[name]))
        if a.record:
            bundling.record(name, {k: v for k, v in results[name].items() if k != "counts"})
    if a.json:
        _write(a.json, (json.dumps(results, indent=2) + "\n").encode())


def _numbers(images: dict[str, list[evaluate.Measured]], name: str, before: str | None) -> dict:
    """A network's metrics with their intervals, and its gain over the one named before it."""
    measured = evaluate.total(images[name])
    sure = bootstrap.record(images[name], (before, images[before]) if before else None)
    return {**evaluate.report(measured), **sure, "counts": evaluate.counted(measured)}


def _evaluate_one(
    folder: VocFolder, name: str, a: argparse.Namespace, world: parallel.World
) -> list[evaluate.Measured]:
    """One network's counts on the photos of all processes."""
    count = min(len(folder), a.limit or len(folder))
    model = (
        train.trained(name, world.device)
        if Path(name).is_dir()
        else weights.load(name, world.device, fold=True)
    )
    bar = tqdm(
        evaluate.pairs(folder, a.limit, world), total=len(world.share(count)), desc=name, unit="photo",
        mininterval=2, disable=not world.first,
    )  # fmt: skip
    return evaluate.together(list(evaluate.each(model, bar)), count, world)


def _add_bench(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("bench", help="time the networks side by side", description=bench.__doc__)
    p.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    p.add_argument("--repeats", type=int, default=9)
    p.add_argument("--quick", action="store_true", help="the bundled networks only, up to 512 px")
    p.add_argument("--record", action="store_true", help="keep the result for the app (docs/bench.json)")
    p.set_defaults(run=_bench)


def _bench(a: argparse.Namespace) -> None:
    rows = bench.bench(a.device, a.repeats, a.quick)
    print(bench.table(rows, a.device))
    if a.record:
        bench.record(rows, a.device)


def _add_weights(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("weights", help="list the weights, or fetch published ones")
    actions = p.add_subparsers(required=True, metavar="list|quality|get|bundle")
    actions.add_parser("list", help="what there is, and where it is from").set_defaults(run=_list)
    actions.add_parser("quality", help="what the bundled ones were measured at, as tables").set_defaults(
        run=_quality
    )
    get = actions.add_parser("get", help="fetch a published VGG16 checkpoint into weights/")
    get.add_argument("name")
    get.set_defaults(run=lambda a: print(weights.get(a.name)))
    _add_bundle(actions)


def _quality(_: argparse.Namespace) -> None:
    print(quality.overall(), quality.gains(), quality.by_class(), sep="\n\n")


def _list(_: argparse.Namespace) -> None:
    for name in weights.list_weights():
        about = weights.find(name)
        here = "here" if about.available else f"not here: python -m fcnviz weights get {name}"
        print(f"{name:<22}{about.origin:<12}{here}")
    for problem in weights.problems():
        print(problem, file=sys.stderr)


def _add_bundle(actions: argparse._SubParsersAction) -> None:
    p = actions.add_parser("bundle", help="turn training runs into the bundled files")
    p.add_argument("--runs", required=True, nargs="+", metavar="STAGE=DIR", help="e.g. 32s=runs/32s")
    p.add_argument("--commands", required=True, nargs="+", metavar="STAGE=TEXT", help="that trained them")
    p.add_argument("--commit", required=True, help="of this repository that trained them")
    p.add_argument("--data", required=True, help="the training data, in words")
    p.add_argument("--licence", default="BSD-3-Clause", help="of the weights")
    p.set_defaults(run=_bundle)


def _bundle(a: argparse.Namespace) -> None:
    runs = {stage: Path(path) for stage, path in (r.split("=", 1) for r in a.runs)}
    commands = dict(c.split("=", 1) for c in a.commands)
    about = {"commit": a.commit, "data": a.data, "licence": a.licence}
    for path in bundling.bundle(runs, commands=commands, **about):
        print(path)


def _add_digits(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("digits", help="train the digits classifier", description=digits.__doc__)
    p.add_argument("--seed", type=int, default=0, help="of the weights and the batches (default 0)")
    p.add_argument("--out", metavar="FILE.safetensors", help="also save it, e.g. weights/digits.safetensors")
    p.set_defaults(run=_digits)


def _digits(a: argparse.Namespace) -> None:
    net = digits.build(a.seed)
    for epoch in digits.train(net, a.seed):
        print(f"epoch {epoch.number:2} of {epoch.of}: loss {epoch.loss:.4f}")
    right = 100 * digits.accuracy(net)
    print(f"test accuracy {right:.2f} % on {digits.TEST_IMAGES} images that it was not trained on")
    if a.out:
        digits.save(net, Path(a.out), a.seed)


if __name__ == "__main__":
    sys.exit(main())
