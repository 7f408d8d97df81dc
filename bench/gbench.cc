// SPDX-License-Identifier: MIT
// Our samples as Google Benchmark's: each case is registered with manual time and as many repetitions as it has samples, and repetition i
// says sample i. So its flags, filters and reporters work on our cases, and its compare.py reads what comes out. It would report the CPU
// time of the replay, which means nothing; the reporters below put the measured time there as well. They also take the number of
// repetitions out of the names: it differs from run to run, and names are what compare.py matches by.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "bench.h"

namespace {

// Passes everything on to one of Google Benchmark's reporters, the CPU time replaced.
class OneTime : public benchmark::BenchmarkReporter {
public:
    explicit OneTime(benchmark::BenchmarkReporter *to) : to_(to) {}

    bool ReportContext(const Context &context) override
    {
        to_->SetOutputStream(&GetOutputStream());
        to_->SetErrorStream(&GetErrorStream());
        return to_->ReportContext(context);
    }

    void ReportRuns(const std::vector<Run> &runs) override
    {
        std::vector<Run> honest = runs;
        for (Run &run : honest) {
            run.cpu_accumulated_time = run.real_accumulated_time;
            run.run_name.iterations.clear();
            run.run_name.repetitions.clear();
        }
        to_->ReportRuns(honest);
    }

    void Finalize() override { to_->Finalize(); }

private:
    std::unique_ptr<benchmark::BenchmarkReporter> to_;
};

std::string out_format;         // of --benchmark_out; empty: no file

benchmark::BenchmarkReporter *file_reporter()
{
    if (out_format == "console") return new benchmark::ConsoleReporter(benchmark::ConsoleReporter::OO_None);
    return new benchmark::JSONReporter();
}

struct Case {
    std::vector<double> samples;
    std::vector<std::pair<std::string, double>> counters;
    size_t next;
};

void replay(benchmark::State &state, Case &of)
{
    const double seconds = of.samples[of.next++ % of.samples.size()];
    for (auto _ : state) state.SetIterationTime(seconds);
    for (const auto &c : of.counters) state.counters[c.first] = c.second;
}

} // namespace

extern "C" {

bool gbench_flags(int *argc, char **argv)
{
    std::vector<char *> own = {argv[0]};
    int kept = 1;
    bool out = false;
    std::string format = "json";
    for (int i = 1; i < *argc; i++) {
        if (std::strncmp(argv[i], "--benchmark_", 12) != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        own.push_back(argv[i]);
        out = out || std::strncmp(argv[i], "--benchmark_out=", 16) == 0;
        if (std::strncmp(argv[i], "--benchmark_out_format=", 23) == 0) format = argv[i] + 23;
    }
    if (out) out_format = format;
    *argc = kept;
    argv[kept] = nullptr;
    int count = static_cast<int>(own.size());
    own.push_back(nullptr);
    benchmark::Initialize(&count, own.data());          // exits on a value that it does not take
    benchmark::ReportUnrecognizedArguments(count, own.data());
    return count > 1 || own.size() > 2;
}

void gbench_context(const char *key, const char *value)
{
    benchmark::AddCustomContext(key, value);
}

void gbench_add(const char *name, const double *sample, int samples, int calls, const struct gbench_counter *counters, int count)
{
    auto of = std::make_shared<Case>();         // lives as long as the registry does
    of->samples.assign(sample, sample + samples);
    for (int i = 0; i < count; i++)
        if (std::isfinite(counters[i].value)) of->counters.emplace_back(counters[i].name, counters[i].value);
    of->counters.emplace_back("calls_per_sample", calls);
    benchmark::RegisterBenchmark(name, [of](benchmark::State &state) { replay(state, *of); })
        ->UseManualTime()->Iterations(1)->Repetitions(samples)->Unit(benchmark::kMicrosecond);
}

int gbench_run(void)
{
    OneTime display(benchmark::CreateDefaultDisplayReporter());
    if (out_format.empty()) return static_cast<int>(benchmark::RunSpecifiedBenchmarks(&display));
    OneTime file(file_reporter());
    return static_cast<int>(benchmark::RunSpecifiedBenchmarks(&display, &file));
}

char *gbench_json(void)
{
    std::ostringstream text;
    OneTime json(new benchmark::JSONReporter());
    json.SetOutputStream(&text);
    json.SetErrorStream(&text);
    return benchmark::RunSpecifiedBenchmarks(&json) ? strdup(text.str().c_str()) : nullptr;
}

} // extern "C"
