"""One generation after another, compiled: who is a parent, what a child has, who stays.

Randomness is handed over as numbers in [0, 1): `dice` has a row an individual. Fitness is finite,
and more is better.
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled


@compiled
def drawn(fitness, uniform, temperature):
    """Indices drawn with replacement, of probability ∝ exp(fitness / temperature).

    Shifted by the best, so that nothing overflows; (population,), (draws,) -> (draws,).
    """
    ladder = np.cumsum(np.exp((fitness - fitness.max()) / temperature))
    found = np.searchsorted(ladder, uniform * ladder[-1], side="right")
    return np.minimum(found, len(fitness) - 1)


@compiled
def tournament(fitness, first, second):
    """The better of two individuals that two uniform numbers name; a tie goes to the first."""
    one, other = int(first * len(fitness)), int(second * len(fitness))
    return other if fitness[other] > fitness[one] else one


@compiled
def turned(key, uniform, radix):
    """A key of another value of an integer with `radix` values, all others equally likely."""
    step = np.floor(uniform * (radix - 1)) + 1
    return (np.floor(key * radix) + step + 0.5) % radix / radix


@compiled
def published_children(genes, fitness, dice, crossover, mutation, temperature):
    """Parents by `drawn`, perhaps crossed with another of them, genes redrawn: all (rows, …).

    `dice` (rows, people, 3 + 2 * size): parent, whether it is crossed, with whom; then of every
    gene whose it is, and whether it is redrawn. A number below the rate is uniform below it, so
    that the new gene comes from the same number.
    """
    rows, people, size = genes.shape
    out = np.empty_like(genes)
    for r in range(rows):
        parent = drawn(fitness[r], dice[r, :, 0], temperature)
        for i in range(people):
            own, mate = parent[i], parent[int(dice[r, i, 2] * people)]
            crossed, whose = dice[r, i, 1] < crossover, dice[r, i, 3:]
            for j in range(size):
                chance = whose[size + j]
                if chance < mutation:
                    out[r, i, j] = chance / mutation
                else:
                    from_mate = crossed and whose[j] < 0.5
                    out[r, i, j] = genes[r, mate if from_mate else own, j]
    return out


@compiled
def elitist_children(genes, fitness, dice, radix):
    """Two parents by tournaments, every gene from either, one turned on average: all (rows, …).

    `dice` (rows, people, 4 + 2 * size): the parents' tournaments, then of every gene whose it is,
    and whether it is turned; `radix` (rows, size) has the number of values of a gene.
    """
    rows, people, size = genes.shape
    out = np.empty_like(genes)
    for r in range(rows):
        for i in range(people):
            roll = dice[r, i]
            mother = tournament(fitness[r], roll[0], roll[1])
            father = tournament(fitness[r], roll[2], roll[3])
            for j in range(size):
                key = genes[r, mother if roll[4 + j] < 0.5 else father, j]
                chance = roll[4 + size + j] * size
                out[r, i, j] = turned(key, chance, radix[r, j]) if chance < 1 else key
    return out


@compiled
def survivors(genes, fitness, children, value):
    """The best of parents and children, best first; of equals the parents: (rows, people, …).

    Of several with the same fitness one stays, as long as there are others: they are copies, and
    a population of copies breeds nothing new.
    """
    rows, people, _ = genes.shape
    kept, worth = np.empty_like(genes), np.empty_like(fitness)
    for r in range(rows):
        both = np.concatenate((fitness[r], value[r]))
        order = np.argsort(-both, kind="mergesort")
        copy = np.zeros(2 * people, np.bool_)
        for k in range(1, 2 * people):
            copy[k] = both[order[k]] == both[order[k - 1]]
        stay = np.concatenate((order[~copy], order[copy]))
        for i in range(people):
            k = stay[i]
            kept[r, i] = genes[r, k] if k < people else children[r, k - people]
            worth[r, i] = both[k]
    return kept, worth
