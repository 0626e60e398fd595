// Stored jobs of other versions of this program: the text of the first release never changes.
#include "training/job.hpp"

#include <doctest/doctest.h>

TEST_CASE("a job of the first release, and of one that added members") {
    for (const std::string end : {"}", R"(,"AddedLater":{"a":[1]}})"}) {
        const auto json = text::parse_json(
            R"({"Account":"111122223333","Region":"us-east-1","Name":"digits","Request":{"TrainingJobName":"digits"},"Tags":[],)"
            R"("RunId":"00ff","SessionTags":[],"SourceIdentity":"","Retries":1,"RuntimeUsed":1500,"Ended":{},"Status":"Completed",)"
            R"("SecondaryStatus":"Completed","FailureReason":"","CreationTime":"2026-01-02T03:04:05.678Z",)"
            R"("LastModifiedTime":"2026-01-02T03:05:05.678Z","Transitions":[{"Status":"Starting","StatusMessage":"m",)"
            R"("StartTime":"2026-01-02T03:04:05.678Z","EndTime":"2026-01-02T03:04:06.678Z"}],)"
            R"("Workers":[{"Host":"algo-1","LogStream":"digits/algo-1-1","Process":77}])" +
            end);
        REQUIRE(json.has_value());
        const auto job = training::job_from_json(*json);
        REQUIRE(job.has_value());
        CHECK(job->id.name == "digits");
        CHECK(training::name(job->status) == "Completed");
        CHECK(job->retries == 1);
        CHECK(job->runtime_used.count() == 1500);
        REQUIRE(job->transitions.size() == 1);
        CHECK(job->transitions[0].end.has_value());
        REQUIRE(job->workers.size() == 1);
        CHECK(job->workers[0].process == 77);
        CHECK_FALSE(job->source.has_value());
        CHECK_FALSE(job->folder_kept);
        CHECK(job->final_metrics.empty());
        CHECK_FALSE(job->training_start_time.has_value());
    }
}
