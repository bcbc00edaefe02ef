"""What one decision costs to judge and to complete, alone and in batches."""


def _per_decision(benchmark, count: int) -> None:
    benchmark.extra_info["decisions"] = count
    if benchmark.stats:
        benchmark.extra_info["us_per_decision"] = 1e6 * benchmark.stats.stats.median / count


def test_judge(benchmark, batch):
    problem, instance, decisions = batch
    worth = benchmark(problem.judge, instance.data, decisions)
    _per_decision(benchmark, worth.objective.size)


def test_complete(benchmark, batch):
    problem, instance, decisions = batch
    offload = {"offload": decisions["offload"]}
    full = benchmark(problem.complete, instance.data, offload)
    _per_decision(benchmark, len(full["offload"]))
