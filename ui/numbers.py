"""Numbers as text."""

from __future__ import annotations


def signed(value: float, digits: int) -> str:
    """With its sign, and a real minus.

    >>> signed(-0.5, 2)
    '−0.50'
    """
    return f"{value:+.{digits}f}".replace("-", "−")


def delta(value: float) -> str:
    """A difference, in two digits or so.

    >>> delta(3.6e-7), delta(0.0), delta(6.78)
    ('3.6e−07', '0', '6.8')
    """
    return f"{value:.1e}".replace("-", "−") if 0 < value < 0.01 else f"{value:.2g}"


def milliseconds(seconds: float) -> str:
    """A time in three digits or so.

    >>> milliseconds(4.7912), milliseconds(0.00123456)
    ('4,791 ms', '1.23 ms')
    """
    value = 1000 * seconds
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"
