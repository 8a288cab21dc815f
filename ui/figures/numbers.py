"""Numbers as text. A minus is U+2212, as wide as a plus."""

from fractions import Fraction

import numpy as np


def minus(text: str) -> str:
    """Replace the hyphens of a formatted number by minus signs."""
    return text.replace("-", "−")


def plain(value: Fraction | int) -> str:
    """Write a whole or half number.

    >>> plain(Fraction(-183, 2)), plain(19)
    ('−91.5', '19')
    """
    return minus(f"{float(value):g}")


def fixed(value: float, digits: int) -> str:
    """Write a number with this many digits after the point, and no minus before zero.

    >>> fixed(-0.04, 1), fixed(-2, 1)
    ('0.0', '−2.0')
    """
    return minus(f"{round(value, digits) + 0.0:.{digits}f}")


def signed(value: float, digits: int) -> str:
    """Write a number with its sign, be it plus or minus.

    >>> signed(-0.5, 2), signed(0.5, 1)
    ('−0.50', '+0.5')
    """
    return minus(f"{value:+.{digits}f}")


def short(value: float) -> str:
    """Write a number in at most three digits, or as a whole number.

    >>> short(-0.001), short(-1.5), short(12.345), short(1234.5)
    ('0', '−1.5', '12.3', '1234')
    """
    text = f"{value:.0f}" if abs(value) >= 100 else f"{round(value, 2):.3g}"
    return "0" if text == "-0" else minus(text)


def span(values: np.ndarray, digits: int) -> str:
    """Write the smallest and the largest of some numbers.

    >>> span(np.array([-1, 3.25]), 2)
    '−1.00 … 3.25'
    """
    return f"{fixed(float(values.min()), digits)} … {fixed(float(values.max()), digits)}"


def percent(share: float, digits: int = 1) -> str:
    """Write a share of 1 in percent.

    >>> percent(0.631), percent(0.5, 0)
    ('63.1 %', '50 %')
    """
    return f"{100 * share:.{digits}f} %"


def delta(value: float) -> str:
    """Write the size of a difference in two digits or so.

    >>> delta(3.6e-7), delta(0.0), delta(6.78)
    ('3.6e−07', '0', '6.8')
    """
    return minus(f"{value:.1e}") if 0 < value < 0.01 else f"{value:.2g}"


def count(n: int) -> str:
    """Write a number of pixels in few characters, and nothing for none.

    >>> count(0), count(9876), count(12345), count(1234567)
    ('', '9876', '12 k', '1.2 M')
    """
    return "" if not n else f"{n / 1e6:.1f} M" if n >= 1e6 else f"{n / 1e3:.0f} k" if n >= 1e4 else str(n)


def milliseconds(seconds: float) -> str:
    """Write a time in three digits or so.

    >>> milliseconds(4.7912), milliseconds(0.00123456)
    ('4,791 ms', '1.23 ms')
    """
    value = 1000 * seconds
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"
