"""Assignment with convex congestion: relaxation and proof for all problems of this form."""

from .tables import Congestion as Congestion
