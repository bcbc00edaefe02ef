"""Constants of the Lévy walk, fitted to 26 of 40 KAIST traces.

python benchmarks/mobility.py fit DIR
python benchmarks/mobility.py tune DIR
"""

FLIGHT = (-2.285, 51.7, 2634)  # exponent, soft end, longest: m
ROWS = (66.1, 0.825)  # rows - 1 of a flight: mean (length / m)^exponent
PAUSE = (-0.570, 8, 672)  # exponent, shortest, longest: rows
STILL = 0.459  # share of rows without any movement
SPOTS = (  # x, y, spread: m; share of rows
    (-581, -295, 15, 0.1498),
    (-458, 1075, 24, 0.0881),
    (-137, 523, 36, 0.0868),
    (-137, 495, 15, 0.0843),
    (-693, 924, 54, 0.0729),
    (-70, 360, 171, 0.0570),
    (-238, 1060, 27, 0.0568),
    (-546, -272, 67, 0.0516),
    (-530, -260, 15, 0.0405),
    (-587, -315, 34, 0.0392),
    (1311, -454, 15, 0.0377),
    (-351, 936, 56, 0.0376),
    (-533, -32, 195, 0.0364),
    (-163, 812, 108, 0.0345),
    (-142, 419, 19, 0.0328),
    (1177, 250, 446, 0.0297),
    (-808, -434, 15, 0.0288),
    (150, 348, 15, 0.0170),
    (1216, -455, 15, 0.0147),
    (-339, 501, 15, 0.0038),
)
TRIP, ROAM = 300.0, 8.0  # m
