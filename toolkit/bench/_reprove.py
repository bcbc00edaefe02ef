"""What a certificate proves: its bound recomputed, and all that can be wrong with it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Certificate, Frames, HasProof, Problem, least_mean
from toolkit.problems._proof import Arithmetic, Proof, Region

MOST_CHOICES = 2**24  # an enumeration of more is not repeated
CELLS = 2**20  # entries of the choices that are bounded at a time
LONGEST = 300  # characters of a stored value in a sentence


class Refuted(Exception):
    """Something that is stored is wrong; the text says what."""


class Unchecked(Exception):
    """A bound that cannot be re-proved here, right or wrong; the text says why."""


def least_loss(
    problem: Problem, instance: Instance, certificate: Certificate, arithmetic: Arithmetic
) -> float:
    """The loss that the certificate proves no feasible decision to be below."""
    if certificate.kind == "claim":
        raise Unchecked("The bound is a solver's word; there is nothing to check.")
    if certificate.kind == "frames":
        return _mean_of_frames(problem, instance, certificate.body.get("frames"), arithmetic)
    if certificate.kind not in ("tree", "enumeration"):
        raise Refuted(f"A certificate of kind {shown(certificate.kind)} is not known.")
    if not isinstance(problem, HasProof):
        raise Unchecked(f"The problem {problem.name!r} cannot re-prove bounds.")
    proof = _proof(problem, instance, arithmetic)
    if certificate.kind == "tree":
        return _least_leaf(proof, certificate.body.get("nodes"))
    return _least_choice(problem, instance, proof, certificate.body.get("count"))


def _proof(problem: HasProof, instance: Instance, arithmetic: Arithmetic) -> Proof:
    """The problem's proof; Unchecked where there is none, for which no certificate is to blame."""
    try:
        return problem.proof(instance.data, arithmetic)
    except Exception as error:
        raise Unchecked(f"The instance is beyond its proof: {_told(error)}") from None


def _mean_of_frames(
    problem: Problem, instance: Instance, listed: Any, arithmetic: Arithmetic
) -> float:
    """The mean of what the frames' own certificates prove; -inf where a frame has none."""
    if not isinstance(problem, Frames):
        raise Refuted("The certificate is one of frames; the instance is no episode.")
    if not isinstance(listed, list | tuple) or len(listed) != problem.frames:
        raise Refuted(f"The certificate has no list of {problem.frames:,} frames.")
    losses = []
    for number, (frame, content) in enumerate(zip(problem.split(instance), listed, strict=True)):
        if content is None:
            losses.append(-math.inf)
            continue
        if not isinstance(content, Mapping) or "kind" not in content:
            raise Refuted(f"Frame {number}: the certificate does not say of which kind it is.")
        certificate = Certificate.from_json(content)
        try:
            losses.append(least_loss(problem.frame, frame, certificate, arithmetic))
        except Refuted as refuted:
            raise Refuted(f"Frame {number}: {refuted}") from None
    return least_mean(losses)


def _least_choice(problem: Problem, instance: Instance, proof: Proof, count: Any) -> float:
    """The least bound of every discrete choice, all of them bounded anew."""
    space = problem.space(instance.data)
    total = space.count
    if isinstance(count, bool) or not isinstance(count, int) or count != total:
        raise Refuted(f"The enumeration says {shown(count)} choices; there are {total:,}.")
    if total > MOST_CHOICES:
        raise Unchecked(f"{total:,} choices are too many to bound each of them again.")
    least = math.inf
    step = max(1, CELLS // space.size)
    for start in range(0, total, step):
        choices = space.choices(start, min(total, start + step))
        with _blamed("A choice of the enumeration"):
            bounds = np.asarray(proof.bound_each(choices), float)
        least = min(least, _a_bound(float(bounds.min()), "The enumeration"))
    return least


def _least_leaf(proof: Proof, nodes: Any) -> float:
    """The least bound of a tree's leaves, once the tree is seen to cover the whole space."""
    if not isinstance(nodes, list | tuple) or not nodes:
        raise Refuted("The tree has no list of nodes.")
    reached, least = [False] * len(nodes), math.inf
    stack: list[tuple[int, Region]] = [(0, proof.root())]
    while stack:
        index, region = stack.pop()
        if reached[index]:
            raise Refuted(f"Node {index} of the tree is reached twice.")
        reached[index] = True
        node = nodes[index]
        keys = set(node) if isinstance(node, Mapping) else set()
        if keys == {"leaf"}:
            with _blamed(f"Leaf {index} of the tree"):
                bound = float(proof.bound(region, node["leaf"]))
            least = min(least, _a_bound(bound, f"Leaf {index} of the tree"))
        elif keys == {"split", "children"}:
            with _blamed(f"The split of node {index} of the tree"):
                parts = list(proof.split(region, node["split"]))
            children = _children(index, node["children"], len(parts), len(nodes))
            stack.extend(zip(children, parts, strict=True))
        else:
            raise Refuted(f"Node {index} of the tree is neither a leaf nor a split.")
    if not all(reached):
        raise Refuted(f"Node {reached.index(False)} of the tree is never reached.")
    return least


def _children(index: int, children: Any, parts: int, nodes: int) -> Sequence[int]:
    """The numbers of a node's children: one for each part of its split, all of them nodes."""
    listed: Sequence[Any] = children if isinstance(children, list | tuple) else []
    if len(listed) != parts:
        raise Refuted(f"Node {index} of the tree has {len(listed)} children, not {parts}.")
    for child in listed:
        if isinstance(child, bool) or not isinstance(child, int) or not 0 <= child < nodes:
            raise Refuted(f"Node {index} of the tree has a child {shown(child)}, which is no node.")
    return listed


def _a_bound(value: float, whose: str) -> float:
    if math.isnan(value):
        raise Refuted(f"{whose} yields no bound.")
    return value


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Turns whatever a proof raises into a refutation: stored values may be wrong in any way.

    A UserError is about the instance: it is too large for the proof, whatever is stored.
    """
    try:
        yield
    except UserError as error:
        raise Unchecked(str(error)) from None
    except Exception as error:
        raise Refuted(f"{what} cannot be checked: {_told(error)}") from None


def _told(error: Exception) -> str:
    """An error as one line that ends as a sentence does."""
    text = " ".join(str(error).split())[:LONGEST].rstrip(".")
    return f"{type(error).__name__}: {text}."


def shown(value: Any) -> str:
    """A stored value as it may stand in a sentence, whatever it is."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        return "a number too long to print"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
