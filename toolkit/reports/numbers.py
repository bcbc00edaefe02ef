"""Numbers as people read them."""

MOST = 100.0  # gaps above this are all alike


def number(value: float | None, digits: int = 8) -> str:
    """At most `digits` significant digits; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.{digits}g}"


def gap(value: float | None) -> str:
    """0, 3.2e-07, 1.23%, 4,390%, or >10000%."""
    if value is None:
        return "-"
    if value < 1e-12:
        return "0"
    if value > MOST:
        return f">{100 * MOST:.0f}%"
    if value >= 10.0:
        return f"{100 * value:,.0f}%"
    return f"{value:.1e}" if value < 1e-4 else f"{100 * value:.3g}%"


def seconds(value: float | None) -> str:
    """Three significant digits, never an exponent: 0.00042, 1.23, 61.2."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:.0f}"
    decimals = 2 if value >= 1 else 3 if value >= 0.1 else 4 if value >= 0.01 else 5
    return f"{value:.{decimals}f}"


def micros(value: float | None) -> str:
    """Seconds in millionths: 0.82, 31.5, 1,250."""
    if value is None:
        return "-"
    return f"{value * 1e6:,.0f}" if value >= 1e-3 else f"{value * 1e6:.3g}"


def rate(value: float | None) -> str:
    """Per second: 5.84, 229, 12,300."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def share(value: float | None) -> str:
    """94%, 4.35%."""
    return "-" if value is None else f"{100 * value:.3g}%"


def duration(value: float) -> str:
    """With a unit: 0.42 ms, 1.23 s."""
    if value < 1e-3:
        return f"{value * 1e3:.2g} ms"
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def violation(value: float | None) -> str:
    """0, or two digits."""
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.1e}"
