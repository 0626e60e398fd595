#include "cli/train_workers.hpp"

#include <doctest/doctest.h>

namespace cli {

TEST_CASE("the table of workers") {
    JobRow job;
    job.name = "digits";
    job.status = model::sagemaker::TrainingJobStatus::in_progress;
    job.step = "Training";
    job.refusals = 1;
    job.last_refusal = "s3:DeleteObject on arn:aws:s3:::data/x";
    job.metrics = {{"loss", 0.25}};
    WorkerRow first{"digits", "algo-1", "Training"};
    first.cpu_percent = 99.6;
    first.memory_percent = 3.2;
    first.input_bytes_per_second = 5.5 * 1024 * 1024;
    first.last_line = "epoch 3\x1b[2J of a very long line that goes on and on and on";
    job.workers = {first, {"digits", "algo-2", "Training"}};

    CHECK(show({job}, 80).string() ==
          "JOB     WORKER  STEP      CPU   MEMORY  INPUT      LAST LINE\n"
          "digits  algo-1  Training  100%  3%      5.5 MiB/s  epoch 3\\x1b[2J of a very lon~\n"
          "digits  algo-2  Training  -     -       -          \n"
          "digits: loss=0.25\n"
          "digits: 1 refusal, last s3:DeleteObject on arn:aws:s3:::data/x\n");
    CHECK(show({}, 80).string() == "no training jobs in progress\n");
    auto json = to_json({job});
    CHECK(json.items()[0]["Workers"].items()[1]["CPUUtilization"].is_null());
    CHECK(json.items()[0]["Metrics"]["loss"].as_double() == 0.25);
    CHECK(json.items()[0]["Refusals"].as_int() == 1);
    // Who may not read the record is not told that nothing was refused.
    job.refusals.reset();
    CHECK(show({job}, 80).string().find("refusal") == std::string::npos);
    CHECK(to_json({job}).items()[0]["Refusals"].is_null());
}

}  // namespace cli
