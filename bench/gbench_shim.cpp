/* The project's only C++: Google Benchmark behind the functions of gbench_shim.h. */
#include "gbench_shim.h"

#include <benchmark/benchmark.h>

/* A gbench is a benchmark::State under a name that C can say. */
static benchmark::State *state_of(gbench *bench)
{
    return reinterpret_cast<benchmark::State *>(bench);
}

static auto runner(gbench_function *function, void *context)
{
    return [=](benchmark::State &state) { function(reinterpret_cast<gbench *>(&state), context); };
}

void gbench_add(const char *name, gbench_function *function, void *context)
{
    benchmark::RegisterBenchmark(name, runner(function, context));
}

void gbench_add_manual(const char *name, gbench_function *function, void *context, int iterations)
{
    benchmark::RegisterBenchmark(name, runner(function, context))
        ->UseManualTime()
        ->Iterations(iterations)
        ->Unit(benchmark::kMicrosecond);
}

bool gbench_next(gbench *bench)
{
    return state_of(bench)->KeepRunning();
}

void gbench_seconds(gbench *bench, double seconds)
{
    state_of(bench)->SetIterationTime(seconds);
}

void gbench_counter(gbench *bench, const char *name, double value)
{
    state_of(bench)->counters[name] = value;
}

void gbench_fail(gbench *bench, const char *message)
{
    state_of(bench)->SkipWithError(message);
}

bool gbench_run(int *argc, char **argv)
{
    benchmark::Initialize(argc, argv);
    if (benchmark::ReportUnrecognizedArguments(*argc, argv)) return false;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return true;
}
