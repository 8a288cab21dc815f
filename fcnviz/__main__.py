"""`python -m fcnviz train|…`."""

from __future__ import annotations

import argparse

from fcnviz import train


def main() -> None:
    p = argparse.ArgumentParser(prog="python -m fcnviz")
    sub = p.add_subparsers(dest="command", required=True)
    t = sub.add_parser("train")
    t.add_argument("--data", required=True)
    t.add_argument("--stage", required=True)
    t.add_argument("--init", default=None)
    t.add_argument("--out", required=True)
    t.add_argument("--epochs", type=int, default=10)
    t.add_argument("--lr", type=float, default=2e-3)
    t.add_argument("--limit", type=int, default=0)
    t.add_argument("--workers", type=int, default=1)
    t.add_argument("--compile", action="store_true")
    a = p.parse_args()
    c = train.Config(int(a.stage[:-1]), a.init, epochs=a.epochs, lr=a.lr, limit=a.limit)
    train.train(a.data, a.out, c, train.Machine(workers=a.workers, compile=a.compile))


if __name__ == "__main__":
    main()
