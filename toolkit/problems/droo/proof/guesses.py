"""Guesses in plain floats that make the checker's bounds tight: exponents and prices of modes.

Nothing here has to be right: every bound that is built on a guess holds for any guess. Nothing is
shared with the solvers' own formulas on purpose.
"""

import numpy as np

HIGHEST = 200.0  # of a guessed y = ln(1 + z): a lower one is as valid and cannot overflow


def exponent(u: np.ndarray) -> np.ndarray:
    """The y of y + exp(-y) - 1 = u, by Newton from above."""
    y = np.where(u < 1, np.sqrt(2 * u) + u / 2, u + 1)
    for _ in range(12):
        y = np.clip(y - (_lack(y) - u) / -np.expm1(-y), 1e-70, HIGHEST)
    return np.asarray(y)


def _lack(y: np.ndarray) -> np.ndarray:
    """y + exp(-y) - 1; its Taylor series where the terms would cancel."""
    series, term = np.zeros_like(y), y * y / 2
    for k in range(3, 12):
        series, term = series + term, -term * y / k
    return np.where(y < 0.1, series, y + np.expm1(-y))


def price(local: np.ndarray, snr: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """The price of time of each row: local (rows,) and, per class, snr (rows, m); rate (m,).

    The root of ln N(v) = ln v, N(v) = local / 3 a(v)^(-2/3) + sum rate snr exp(-y), which falls: so
    it is between any v and N(v). Newton in ln v, halving where that does not halve the miss: else
    it may go to and fro between two prices for ever.
    """
    v = local / 3 + (rate * np.log1p(snr)).sum(-1)
    low, high, before = np.zeros_like(v), np.full_like(v, np.inf), np.full_like(v, np.inf)
    for _ in range(60):
        y = exponent(v[:, None] / rate)
        share = snr / np.expm1(y)
        frame = 1 + share.sum(-1)
        charge = local / 3 * np.cbrt(frame) ** 2
        value = charge + (rate * snr * np.exp(-y)).sum(-1)
        fall = np.expm1(-y) ** 2 * rate
        slope = -share.sum(-1) - charge * (share / fall).sum(-1) / (1.5 * frame)
        low, high = np.maximum(low, np.minimum(v, value)), np.minimum(high, np.maximum(v, value))
        miss = np.log(value / v)
        step = miss / (1 - v * slope / value)
        following = v * np.exp(step)
        good = (following >= low) & (following <= high) & (np.abs(miss) <= before / 2)
        v, before = np.where(good, following, np.sqrt(low) * np.sqrt(high)), np.abs(miss)
        if np.all(np.abs(step) <= 1e-8):  # quadratic: the next would be below the last bit
            break
    return np.asarray(v)
