"""Double offloading: tasks of regions, queues of edge servers, and who helps whom."""

from .problem import A3c as A3c
