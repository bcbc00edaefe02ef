"""What a plug-in's own tests look like: `pytest examples`."""

from admission import Admission
from anneal import Anneal
from entropy import Entropy

from toolkit.testkit import learner_tests, problem_tests, solver_tests

TestAdmission = problem_tests(Admission)
TestAnneal = solver_tests(Anneal(steps=60), on=[Admission])  # without `on`: every problem there is
TestEntropy = learner_tests(Entropy, on=[Admission])
