"""The command line: `python -m fcnviz COMMAND`; `python -m fcnviz --help` lists the commands."""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fcnviz import __version__, batch, bench, console, files, inference, render, weights
from fcnviz.evaluation import bootstrap, measure, on_samples, pairs, parallel, report, sizes
from fcnviz.fcn import FCN
from fcnviz.lessons.convolutionalize import digits
from fcnviz.photos import images
from fcnviz.photos.folder import VocFolder
from fcnviz.photos.voc import CLASSES, VOID
from fcnviz.training import recorded, study, train
from fcnviz.training.config import Config, Machine
from fcnviz.weights import bundling
from fcnviz.weights.checkpoints import printable


def main(argv: list[str] | None = None) -> int:
    """Run one command; user errors are printed as one line on stderr.

    Returns:
        exit status: 0, or 1 after a user error. argparse exits with 2 on wrong arguments.
    """
    console.spell()
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except (OSError, ValueError) as error:  # also ImageError and WeightsError
        print(f"fcnviz: {files.sentence(error)}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fcnviz", description=__doc__)
    parser.add_argument("--version", action="version", version=f"fcnviz {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _add_demo, _add_segment, _add_samples, _add_train, _add_average, _add_study, _add_evaluate,
        _add_bench, _add_weights, _add_digits,
    ):  # fmt: skip
        add(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("demo", help="open the app in a browser")
    p.add_argument("--port", type=int, default=8501, help="default 8501")
    p.set_defaults(run=_demo)


def _demo(a: argparse.Namespace) -> None:
    here = Path(__file__).resolve().parent
    installed = here / "app" / "app.py"  # where the wheel puts it
    app = installed if installed.exists() else here.parent / "app.py"
    with suppress(KeyboardInterrupt):
        subprocess.run([sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={a.port}"])


def _add_segment(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser(
        "segment",
        help="segment photos and save the label maps",
        description="Segment photos and save the label maps (VOC palette, exact indices). "
        "A photo that cannot be read is named and skipped; the exit status is then 1.",
    )
    p.add_argument(
        "images", nargs="+", metavar="IMAGE", help='JPEG, PNG, WebP, BMP, TIFF or GIF; a folder; or "*.jpg"'
    )
    p.add_argument("--weights", default="lite0-fcn8s", metavar="NAME", help="see: weights list")
    where = "one image: FILE.png, a folder that exists, or - (standard output); several: a folder"
    p.add_argument("--out", required=True, metavar="PATH", help=f"for the label maps; {where}")
    p.add_argument("--overlay", metavar="PATH", help="also save the tinted photos, in the same way as --out")
    p.add_argument(
        "--size",
        type=int,
        help="longest side of the network's input, in px (default: the weights' own; 0: as the photo is); "
        "results have the photo's size",
    )
    p.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    p.set_defaults(run=_segment)


def _segment(a: argparse.Namespace) -> int:
    jobs = batch.plan(a.images, a.out, a.overlay)
    model = weights.load(a.weights, a.device, fold=True)
    skipped = 0
    with tqdm(jobs, mininterval=2, unit="photo", disable=len(jobs) == 1) as bar:
        for job in bar:
            name, to = printable(str(job.image)), sys.stderr if batch.STDOUT in job.targets else sys.stdout
            try:
                bar.write(f"{name}: {_segment_one(model, job, a.size)}", file=to)
            except images.ImageError as error:
                skipped += 1
                bar.write(f"fcnviz: {name}: {error}", file=sys.stderr)
    return min(skipped, 1)


def _segment_one(model: FCN, job: batch.Job, size: int | None) -> str:
    """Segment an image, write the results, and say in words what was done."""
    result = inference.segment(model, images.open_image(job.image), size)
    _write(job.labels, render.label_png(result.labels, render.PALETTES["VOC"]))
    if job.overlay:
        _write(job.overlay, render.to_png(np.asarray(result.overlay())))
    height, width = result.labels.shape
    return f"{width} × {height} px, {1000 * result.seconds:.0f} ms on {result.device}"


def _write(target: Path, data: bytes) -> None:
    if target == batch.STDOUT:
        sys.stdout.buffer.write(data)
    else:
        target.parent.mkdir(exist_ok=True)
        files.write_bytes(target, data)


def _add_samples(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("samples", help="what the networks score on the sample photos")
    p.add_argument("--weights", nargs="+", default=weights.BUNDLED, metavar="NAME", help="default: bundled")
    p.add_argument(
        "--size",
        type=int,
        metavar="PX",
        help="longest side of the networks' input (default: the weights' own)",
    )
    p.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    p.set_defaults(run=_samples)


def _samples(a: argparse.Namespace) -> None:
    models = {name: weights.load(name, a.device, fold=True) for name in a.weights}
    print(on_samples.table(models, a.size))


def _add_train(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("train", help="train one stage, or go on with it", description=train.__doc__)
    p.add_argument("--data", required=True, metavar="DIR", help="VOC2012 or VOCdevkit folder")
    p.add_argument("--stage", required=True, choices=("32s", "16s", "8s"))
    p.add_argument("--out", required=True, metavar="DIR", help="run folder; an unfinished run is continued")
    p.add_argument("--init", help="run folder or weights of the stage before (32s: ImageNet)")
    for field in fields(Config):
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
    """Add the options that say what a training runs on."""
    p.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    p.add_argument("--workers", type=int, default=1, help="processes that cut crops (default 1)")
    p.add_argument("--compile", action="store_true", help="torch.compile: about twice as fast on a CPU")
    p.add_argument("--graph", action="store_true", help="replay each step as one CUDA graph")


def _train(a: argparse.Namespace) -> None:
    given = {f.name: getattr(a, f.name) for f in fields(Config) if f.name != "stride"}
    config = Config(stride=int(a.stage.removesuffix("s")), **given)
    with parallel.join(weights.pick_device(a.device)) as world:
        machine = Machine(world.device, a.workers, a.compile, a.graph, world)
        path = train.train(a.data, a.out, config, machine)
        if world.first:
            print(path)


def _add_average(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("average", help="average the weights of runs of one stage")
    p.add_argument("runs", nargs="+", metavar="RUN", help="folders of finished runs")
    p.add_argument("--out", required=True, metavar="DIR", help="run folder to write")
    p.set_defaults(run=lambda a: print(train.average(a.runs, a.out)))


def _add_study(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser(
        "study", help="what each choice of the training is worth", description=study.__doc__
    )
    p.add_argument("--data", required=True, metavar="DIR", help="VOC2012 or VOCdevkit folder")
    p.add_argument("--out", required=True, metavar="DIR", help="of the runs; finished ones are not repeated")
    names = [trial.name for trial in study.TRIALS]
    p.add_argument(
        "--rows", nargs="+", choices=names, default=names, help="only these, and those that they need"
    )
    _add_machine(p)
    p.add_argument("--commands", action="store_true", help="only print the commands that train the rows")
    p.add_argument("--record", action="store_true", help="keep what the rows gave")
    p.set_defaults(run=_study)


def _study(a: argparse.Namespace) -> None:
    trials = study.needed(a.rows)
    if a.commands:
        print(*map(study.command, trials), sep="\n")
        return
    machine = Machine(str(weights.pick_device(a.device)), a.workers, a.compile, a.graph)
    found = study.study(a.data, a.out, trials, machine)
    if a.record:
        recorded.keep({name: found[name] for name in a.rows})
    print(recorded.study_table(found))


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
    p.add_argument(
        "--size",
        type=int,
        nargs="+",
        metavar="PX",
        help="longest side for the networks (default: the weights' own; 0: as it is); several: compare",
    )
    p.add_argument(
        "--white", type=_evaluate_white, metavar="CLASS", help="of white pixels in black-and-white masks"
    )
    p.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    p.add_argument("--json", metavar="FILE", help="also save the numbers and the counts behind them")
    p.add_argument(
        "--record", action="store_true", help="write them, and --size as the weights' own, into the manifest"
    )
    p.set_defaults(run=_evaluate)


def _evaluate_white(text: str) -> int:
    """Read a class from its name or its index."""
    classes = {"void": VOID, str(VOID): VOID}
    for index, name in enumerate(CLASSES):
        classes |= {name: index, str(index): index}
    if text not in classes:
        raise argparse.ArgumentTypeError(f"{text!r} is no class: use one of {', '.join(CLASSES)}, or void")
    return classes[text]


def _evaluate(a: argparse.Namespace) -> None:
    folder = VocFolder.open(a.data, a.split)
    found = pairs.from_folder(folder, a.white).pairs[: a.limit or None]
    if a.size and len(a.size) > 1:
        if a.json or a.record:
            raise ValueError(
                "several sizes are compared and not saved: give one --size, or neither --json nor --record"
            )
        _evaluate_sizes(a, found)
        return
    with parallel.join(weights.pick_device(a.device)) as world:
        tried = {name: _evaluate_one(found, name, a, world) for name in a.weights}
    if not world.first:
        return
    counts = {name: [m for m in all_of_them if m] for name, all_of_them in tried.items()}
    measured = len(counts[a.weights[0]])
    if not measured:
        raise ValueError(f"none of the {len(found)} pairs of {a.split} can be evaluated")
    results = _evaluate_report(counts, a, len(found))
    if a.json:
        files.write_bytes(Path(a.json), f"{json.dumps(results, indent=2)}\n".encode())
    if measured < len(found):
        unrecorded = ", so nothing is recorded" if a.record else ""
        raise ValueError(f"{len(found) - measured} of {len(found)} pairs were skipped{unrecorded}")
    for name in a.weights if a.record else ():
        bundling.record(name, {k: v for k, v in results[name].items() if k != "counts"})


def _evaluate_report(
    counts: dict[str, list[measure.Measured]], a: argparse.Namespace, listed: int
) -> dict[str, dict]:
    """Print each network's numbers, and return them."""
    results: dict[str, dict] = {}
    for name, before in zip(a.weights, [None, *a.weights[:-1]], strict=True):
        photos = len(counts[name])
        size = _evaluate_size(name, a)
        results[name] = {"split": a.split, "photos": photos, "size": size, **_numbers(counts, name, before)}
        many = photos if photos == listed else f"{photos} of {listed}"
        seen = f"reduced to {size} px" if size else "at original size"
        print(report.as_text(f"{name} on {a.split}, {many} photos {seen}", results[name]))
    return results


def _numbers(counts: dict[str, list[measure.Measured]], name: str, before: str | None) -> dict:
    """Compute a network's metrics with intervals, and its gain over the network named before it."""
    measured = measure.total(counts[name])
    intervals = bootstrap.record(counts[name], (before, counts[before]) if before else None)
    return {**measure.report(measured), **intervals, "counts": measure.counted(measured)}


def _evaluate_one(
    found: Sequence[pairs.Pair], name: str, a: argparse.Namespace, world: parallel.World
) -> list[measure.Measured | None]:
    """Measure one network on the pairs of all processes; None for pairs that are skipped."""
    model = _evaluate_model(name, world.device)
    mine = [found[i] for i in world.shard(len(found))]
    bar = tqdm(mine, desc=name, unit="photo", mininterval=2, disable=not world.first)
    tried = list(measure.per_pair(model, bar, _evaluate_size(name, a)))
    if name == a.weights[0]:
        _evaluate_tell(tried)
    return measure.gather([one.measured for one in tried], len(found), world)


def _evaluate_size(name: str, a: argparse.Namespace) -> int:
    """Longest side for a network: what was asked for, or what its weights say."""
    if a.size:
        return a.size[0]
    return 0 if Path(name).is_dir() else weights.find(name).size


def _evaluate_sizes(a: argparse.Namespace, found: Sequence[pairs.Pair]) -> None:
    """Print a table of networks by input size."""
    device = str(weights.pick_device(a.device))
    models = {name: _evaluate_model(name, device) for name in a.weights}
    bar = tqdm(found, desc="sizes", unit="photo", mininterval=2)
    print(
        f"Mean IU / pixel accuracy within 5 px of a boundary, in percent, {len(found)} photos of {a.split}\n"
    )
    print(sizes.table(sizes.sweep(models, bar, a.size)))


def _evaluate_model(name: str, device: str) -> FCN:
    """Load what `--weights` names."""
    run = Path(name).is_dir()
    return train.trained(name, device) if run else weights.load(name, device, fold=True)


def _evaluate_tell(tried: Sequence[measure.Tried]) -> None:
    """Say which pairs were skipped and why, and what was noted about others."""
    noted: dict[str, list[str]] = {}
    for one in tried:
        for said in one.said if one.measured else ():
            noted.setdefault(said, []).append(one.name)
        if not one.measured:
            print(f"fcnviz: skipped {one.name}: {' '.join(one.said)}", file=sys.stderr)
    for said, names in noted.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        print(f"fcnviz: {names[0]}{more}: {said}", file=sys.stderr)


def _add_bench(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("bench", help="time the networks side by side", description=bench.__doc__)
    p.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    p.add_argument("--repeats", type=int, default=9)
    p.add_argument("--quick", action="store_true", help="the bundled networks only, up to 512 px")
    p.add_argument(
        "--record", action="store_true", help="keep the result for the app (fcnviz/bench/record.json)"
    )
    p.set_defaults(run=_bench)


def _bench(a: argparse.Namespace) -> None:
    rows = bench.bench(a.device, a.repeats, a.quick)
    print(bench.as_text(rows, a.device))
    if a.record:
        bench.record(rows, a.device)


def _add_weights(commands: argparse._SubParsersAction) -> None:
    p = commands.add_parser("weights", help="list the weights, or fetch published ones")
    actions = p.add_subparsers(required=True, metavar="list|quality|study|get|bundle")
    actions.add_parser("list", help="what there is, and where it is from").set_defaults(run=_list)
    actions.add_parser("quality", help="what the bundled ones were measured at, as tables").set_defaults(
        run=_quality
    )
    kept = actions.add_parser("study", help="what the choices of the training were worth, as tables")
    kept.add_argument(
        "--logs", nargs="+", type=_named, metavar="NAME=RUN",
        help="instead, keep the logs of these runs for the app",
    )  # fmt: skip
    kept.set_defaults(run=_recorded)
    get = actions.add_parser("get", help="fetch a published VGG16 checkpoint into weights/")
    get.add_argument("name")
    get.set_defaults(run=lambda a: print(weights.get(a.name)))
    _add_bundle(actions)


def _quality(_: argparse.Namespace) -> None:
    print(report.overall(), report.gains(), report.by_class(), sep="\n\n")


def _named(text: str) -> tuple[str, str]:
    name, _, run = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text}: write NAME=RUN")
    return name, run


def _recorded(a: argparse.Namespace) -> None:
    if a.logs:
        recorded.keep_logs(dict(a.logs))
    else:
        print(recorded.study_table(), recorded.control_tables(), recorded.sizes_table(), sep="\n\n")


def _list(_: argparse.Namespace) -> None:
    for name in weights.list_weights():
        about = weights.find(name)
        here = "here" if about.available else weights.missing(about).removeprefix(f"{name} is ")
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
    if a.out:
        files.check_target(Path(a.out))
    net = digits.build(a.seed)
    for epoch in digits.train(net, a.seed):
        print(f"epoch {epoch.number:2} of {epoch.of}: loss {epoch.loss:.4f}")
    right = 100 * digits.accuracy(net)
    print(f"test accuracy {right:.2f} % on {digits.TEST_IMAGES} images that it was not trained on")
    if a.out:
        digits.save(net, Path(a.out), a.seed)


if __name__ == "__main__":
    sys.exit(main())
