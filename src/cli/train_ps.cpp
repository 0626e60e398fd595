// `trainwarden train ps`: the workers of running jobs, once or as they go.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "cli/train_job.hpp"
#include "cli/train_workers.hpp"

namespace cli {
namespace {

using text::Json;

constexpr auto interval = std::chrono::seconds(1);
constexpr size_t plain_width = 200;

struct Options {
    std::string name;
    bool watch = false, json = false;
};

bool in_progress(const std::vector<JobRow>& jobs) {
    using Status = model::sagemaker::TrainingJobStatus;
    return std::ranges::any_of(
        jobs, [](const JobRow& job) { return job.status == Status::in_progress || job.status == Status::stopping; });
}

base::Result<int> ps(const Options& options) {
    wire::Client client = TRY(connect_to_jobs());
    bool live = options.watch && !options.json && is_terminal(stdout);
    std::string before;
    for (;;) {
        auto jobs = TRY(look_at_workers(client, options.name));
        const Json json = to_json(jobs);
        const Text view = show(jobs, live ? terminal_width() : plain_width);
        std::string now = options.json ? json.dump() : view.string();
        // On a terminal the view is drawn over the one before; elsewhere it is printed when it has changed.
        if (live && !before.empty()) print(redraw_from(static_cast<size_t>(std::ranges::count(before, '\n'))));
        if (options.json && now != before) print_json(json);
        if (!options.json && (live || now != before)) print(view);
        std::fflush(stdout);
        before = std::move(now);
        if (!options.watch || !in_progress(jobs)) return 0;
        std::this_thread::sleep_for(interval);
    }
}

}  // namespace

void add_train_ps(Command& train) {
    auto options = std::make_shared<Options>();
    Command command = train.subcommand("ps", "Show the workers of running jobs: step, processor, memory, input, refusals");
    command.asks_server();
    command.positional("NAME", options->name, "only of this job, running or not", false);
    command.flag("-w,--watch", options->watch, "go on until no job is in progress; redrawn on a terminal");
    command.flag("--json", options->json, "print JSON, one line each time");
    command.action([options] { return ps(*options); });
}

}  // namespace cli
