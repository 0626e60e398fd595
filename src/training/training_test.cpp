// Whole jobs with small shell workers and an S3 that is a map.
#include "training/training.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "machine.hpp"
#include "model/words.hpp"
#include "training/archive.hpp"
#include "training/launch.hpp"
#include "training/request.hpp"
#include "training/stored_request.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;
namespace m = model::sagemaker;
using Request = m::CreateTrainingJobRequest;

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

class FakeS3 final : public JobData {
public:
    base::Result<std::vector<DataObject>> list(const identity::Credentials&, const S3Uri& prefix, size_t limit) override {
        std::lock_guard lock(mutex);
        std::vector<DataObject> found;
        for (const auto& [key, content] : objects) {
            if (key.starts_with(prefix.bucket + "/" + prefix.key) && found.size() < limit) {
                found.push_back({key.substr(prefix.bucket.size() + 1), content.size(), etag_of(content)});
            }
        }
        return found;
    }
    base::Result<void> download(const identity::Credentials&, const S3Uri& object, const std::string& etag,
                                const std::string& path, const Cancelled&) override {
        std::lock_guard lock(mutex);
        if (denied == object.key) return base::fail("AccessDenied", "Access Denied");
        auto found = objects.find(object.bucket + "/" + object.key);
        if (found == objects.end()) return base::fail("NoSuchKey", "The specified key does not exist.");
        if (!etag.empty() && etag != etag_of(found->second))
            return base::fail("PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
        std::ofstream(path, std::ios::binary) << found->second;
        return {};
    }
    class Sent final : public Upload {
    public:
        Sent(FakeS3& s3, std::string name, Cancelled cancelled)
            : s3_(s3), name_(std::move(name)), cancelled_(std::move(cancelled)) {}
        base::Result<void> write(std::string_view bytes) override {
            if (cancelled_()) return base::fail("Cancelled", "the transfer was ended");
            while (s3_.slow && !cancelled_()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
            content_.append(bytes);
            return {};
        }
        base::Result<void> finish() override {
            if (cancelled_()) return base::fail("Cancelled", "the transfer was ended");
            std::lock_guard lock(s3_.mutex);
            if (s3_.denied == name_) return base::fail("AccessDenied", "Access Denied");
            s3_.objects[name_] = std::move(content_);
            s3_.uploads.push_back(name_);
            return {};
        }

    private:
        FakeS3& s3_;
        std::string name_, content_;
        Cancelled cancelled_;
    };
    base::Result<std::unique_ptr<Upload>> upload(CredentialsSource, const S3Uri& object, Cancelled cancelled) override {
        return std::make_unique<Sent>(*this, object.bucket + "/" + object.key, std::move(cancelled));
    }
    base::Result<void> remove(const identity::Credentials&, const S3Uri& object) override {
        std::lock_guard lock(mutex);
        if (denied == "delete") return base::fail("AccessDenied", "Access Denied");
        objects.erase(object.bucket + "/" + object.key);
        return {};
    }
    base::Result<DataObject> stat(const identity::Credentials&, const S3Uri& object) override {
        std::lock_guard lock(mutex);
        auto found = objects.find(object.bucket + "/" + object.key);
        if (found == objects.end()) return base::fail("NoSuchKey", "The specified key does not exist.");
        return DataObject{object.key, found->second.size(), etag_of(found->second)};
    }
    base::Result<std::string> read(const identity::Credentials&, const S3Uri& object, const std::string& etag, uint64_t offset,
                                   uint64_t size) override {
        std::lock_guard lock(mutex);
        if (denied == object.key) return base::fail("AccessDenied", "Access Denied");
        auto found = objects.find(object.bucket + "/" + object.key);
        if (found == objects.end()) return base::fail("NoSuchKey", "The specified key does not exist.");
        if (!etag.empty() && etag != etag_of(found->second))
            return base::fail("PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
        bytes_read += size;
        return found->second.substr(offset, size);
    }
    static std::string etag_of(const std::string& content) {
        return "\"" + std::to_string(std::hash<std::string>{}(content)) + "\"";
    }
    uint64_t bytes_read = 0;  // by range
    std::mutex mutex;
    std::map<std::string, std::string> objects;
    std::vector<std::string> uploads;  // every one, in order
    std::string denied;
    std::atomic<bool> slow{false};  // uploads do not end by themselves
};

// A folder that is gone when the test ends.
struct Folder {
    Folder() {
        char name[] = "/tmp/training-test-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    std::string path;
};

struct TrainingFixture {
    Folder folder;
    FakeS3 s3;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    base::SystemClock clock;
    crypto::SystemRandom random;
    bool trusted = true;
    std::unique_ptr<logs::Store> logs;
    identity::Leases leases;
    std::function<std::unique_ptr<Confinement>()> elsewhere;  // another launcher …
    sandbox::Images* images = nullptr;                        // … and its images
    std::string unlisted;                                     // a bucket that the role may not list
    std::vector<std::string> asked_to_list;                   // prefixes, and the request that they were asked for
    std::unique_ptr<Training> training;

    TrainingFixture() {
        auto opened = logs::Store::open({keys.get(), &clock, &random, folder.path + "/logs"});
        REQUIRE(opened.has_value());
        logs = std::move(*opened);
        open();
    }
    void open() {
        Training::Dependencies dependencies;
        dependencies.keys = keys.get();
        dependencies.assume = [this](const JobId&, const std::string& role,
                                     const SessionTerms&) -> base::Result<identity::Credentials> {
            if (!trusted) return base::fail("AccessDenied", "not trusted");
            return identity::Credentials{"ASIA" + role, "secret", "token", clock.now() + std::chrono::hours(1)};
        };
        dependencies.may_list = [this](const identity::Credentials&, const S3Uri& prefix, const std::string& region,
                                       const std::string& request_id) -> base::Result<void> {
            asked_to_list.push_back(prefix.text() + " " + region + " " + request_id);
            if (prefix.bucket == unlisted) return base::fail("AccessDenied", "no");
            return {};
        };
        dependencies.bucket_exists = [](const std::string& bucket) { return bucket != "nowhere"; };
        dependencies.leases = &leases;
        dependencies.data = &s3;
        dependencies.logs = logs.get();
        dependencies.clock = &clock;
        dependencies.random = &random;
        dependencies.folder = folder.path + "/training";
        dependencies.isolation.hidden = {folder.path};
        dependencies.isolation.elsewhere = elsewhere;
        dependencies.isolation.images = images;
        auto opened = Training::open(std::move(dependencies));
        REQUIRE(opened.has_value());
        training = std::move(*opened);
        training->serve_at({"http://127.0.0.1:4566", "http://127.0.0.1:4567/v2/credentials"});
    }
    JobId id(const std::string& name) const { return {"111122223333", "us-east-1", name}; }

    static Request request(const std::string& script, int instances) {
        return {.algorithm_specification =
                    m::AlgorithmSpecification{.training_image = "host/python3",
                                              .training_input_mode = m::TrainingInputMode::file,
                                              .container_entrypoint = std::vector<std::string>{"/bin/sh", "-c", script}},
                .role_arn = "arn:aws:iam::111122223333:role/trainer",
                .output_data_config = {.s3_output_path = "s3://out/models/"},
                .resource_config = m::ResourceConfig{.instance_type = m::TrainingInstanceType::ml_m5_large,
                                                     .instance_count = instances,
                                                     .volume_size_in_gb = 1},
                .stopping_condition = m::StoppingCondition{.max_runtime_in_seconds = 60}};
    }
    static m::Channel channel(const std::string& name, const std::string& uri,
                              m::S3DataDistribution distribution = m::S3DataDistribution::fully_replicated) {
        return {.channel_name = name,
                .data_source = {.s3_data_source = m::S3DataSource{.s3_data_type = m::S3DataType::s3_prefix,
                                                                  .s3_uri = uri,
                                                                  .s3_data_distribution_type = distribution}}};
    }
    Job finished(const std::string& name) {
        for (;;) {
            auto job = training->describe(id(name));
            REQUIRE(job.has_value());
            if (is_final(job->status)) return *job;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    Job run(const std::string& name, Request request) {
        auto created = training->create({id(name), std::move(request), {}});
        REQUIRE_MESSAGE(created.has_value(), (created ? "" : created.error().describe()));
        return finished(name);
    }
    // Waits for a line of a job that runs; what it wrote by then.
    std::string logged(const std::string& name, const std::string& line) {
        for (;;) {
            const auto job = training->describe(id(name));
            REQUIRE(job.has_value());
            std::string all = log(name);
            if (all.find(line + "\n") != std::string::npos) return all;
            REQUIRE_MESSAGE(!is_final(job->status), job->failure_reason);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    // Everything that a job's hosts wrote, host by host.
    std::string log(const std::string& name) {
        std::string all;
        const logs::Owner owner{"111122223333", "us-east-1"};
        const std::string group(log_group_name);
        for (const auto& stream : logs->streams(owner, group, name + "/").value_or(std::vector<logs::Stream>{})) {
            auto page = logs->read(owner, group, stream.name, 0, true, {}, 10'000);
            REQUIRE(page.has_value());
            for (const auto& event : page->events) all += event.message + "\n";
        }
        return all;
    }
};

}  // namespace

TEST_CASE("a job is among the account's, and every change of what is decided on it moves the version; a look does not") {
    TrainingFixture fixture;
    uint64_t last = fixture.training->version();
    const auto moved = [&] {
        const uint64_t now = fixture.training->version();
        return std::exchange(last, now) != now;
    };
    CHECK(fixture.training->ids("111122223333").empty());
    CHECK_FALSE(moved());
    fixture.run("b", TrainingFixture::request("true", 1));
    CHECK(moved());
    const JobId elsewhere{"111122223333", "eu-west-1", "a"};
    REQUIRE(fixture.training->create({elsewhere, TrainingFixture::request("true", 1), {}}).has_value());
    const auto ids = fixture.training->ids("111122223333");
    REQUIRE(ids.size() == 2);
    CHECK(ids[0].arn() == elsewhere.arn());
    CHECK(ids[1].arn() == fixture.id("b").arn());
    CHECK(fixture.training->ids("11112222333").empty());
    CHECK(fixture.training->ids("999988887777").empty());
    while (!is_final(fixture.training->describe(elsewhere)->status)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    (void)moved();
    (void)fixture.training->describe(fixture.id("b"));
    CHECK_FALSE(moved());
    REQUIRE(fixture.training->add_tags(fixture.id("b"), {{"team", "red"}}).has_value());
    CHECK(moved());
    REQUIRE(fixture.training->delete_tags(fixture.id("b"), {"team"}).has_value());
    CHECK(moved());
    REQUIRE(fixture.training->remove(fixture.id("b")).has_value());
    CHECK(moved());
    CHECK(fixture.training->ids("111122223333").size() == 1);
}

TEST_CASE("two workers get their shards, write a model, and it lands in the bucket") {
    TrainingFixture fixture;
    fixture.s3.objects = {
        {"in/train/0.txt", "zero"}, {"in/train/1.txt", "one"}, {"in/train/deep/2.txt", "two"}, {"in/all/x", "same"}};
    auto request = TrainingFixture::request(
        "cd $SM_CHANNEL_TRAIN; echo $SM_CURRENT_HOST has $(find . -type f | sort | tr '\\n' ' ') and $(cat $SM_CHANNEL_ALL/x); "
        "echo weights-$RANK > $SM_MODEL_DIR/part-$RANK; echo metrics > $SM_OUTPUT_DATA_DIR/metrics-$RANK; "
        "ln -s /etc/passwd $SM_MODEL_DIR/link-$RANK",
        2);
    request.input_data_config.emplace(
        {TrainingFixture::channel("train", "s3://in/train", m::S3DataDistribution::sharded_by_s3_key),
         TrainingFixture::channel("all", "s3://in/all/")});
    Job job = fixture.run("shards", request);
    CHECK(job.failure_reason == "");
    CHECK(job.status == Status::completed);
    CHECK(job.secondary_status == "Completed");
    std::vector<std::string> steps;
    for (const auto& transition : job.transitions) steps.push_back(transition.status);
    CHECK(steps == std::vector<std::string>{"Starting", "Downloading", "Training", "Uploading", "Completed"});
    CHECK(fixture.log("shards") == "algo-1 has ./0.txt ./deep/2.txt and same\nalgo-2 has ./1.txt and same\n");

    REQUIRE(fixture.s3.objects.contains("out/models/shards/output/model.tar.gz"));
    REQUIRE(fixture.s3.objects.contains("out/models/shards/output/output.tar.gz"));
    std::ofstream(fixture.folder.path + "/model.tar.gz", std::ios::binary)
        << fixture.s3.objects["out/models/shards/output/model.tar.gz"];
    fs::create_directories(fixture.folder.path + "/unpacked");
    REQUIRE(unpack(fixture.folder.path + "/model.tar.gz", fixture.folder.path + "/unpacked", [] { return false; }).has_value());
    CHECK(read_file(fixture.folder.path + "/unpacked/part-0") == "weights-0\n");
    CHECK(read_file(fixture.folder.path + "/unpacked/part-1") == "weights-1\n");
    // A link stays a link: what it points at is not read.
    CHECK(fs::is_symlink(fixture.folder.path + "/unpacked/link-0"));
    CHECK_FALSE(fs::exists(fixture.folder.path + "/training/111122223333/us-east-1/shards/algo-1"));
}

TEST_CASE("nothing of the server's environment, home or data folder reaches a worker") {
    ::setenv("AWS_SECRET_ACCESS_KEY", "planted-secret", 1);
    TrainingFixture fixture;
    std::ofstream(fixture.folder.path + "/master-key") << "planted-key";
    Job job = fixture.run(
        "leak", TrainingFixture::request(
                    "env; cat " + fixture.folder.path + "/master-key; cat /proc/$PPID/environ; ls -la /proc/self/fd; true", 1));
    ::unsetenv("AWS_SECRET_ACCESS_KEY");
    CHECK(job.status == Status::completed);
    std::string log = fixture.log("leak");
    CHECK(log.find("planted-secret") == std::string::npos);
    if (machine::has("mounts")) CHECK(log.find("planted-key") == std::string::npos);
    CHECK(log.find("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:4567/v2/credentials") != std::string::npos);
    CHECK(log.find("TRAINING_JOB_NAME=leak") != std::string::npos);
    CHECK(log.find("AWS_SECRET_ACCESS_KEY") == std::string::npos);
}

TEST_CASE("a failing worker fails the job with what it wrote, and ends the others") {
    TrainingFixture fixture;
    Job job = fixture.run(
        "fails", TrainingFixture::request(
                     "if [ $RANK = 1 ]; then printf 'bad learning rate' > /opt/ml/output/failure; exit 3; fi; sleep 600", 2));
    CHECK(job.status == Status::failed);
    CHECK(job.failure_reason == "AlgorithmError: bad learning rate, exit code: 3");
    CHECK(fixture.s3.objects.empty());
    for (const auto& worker : job.workers) CHECK(worker.process == 0);
    CHECK(processes_of_run(job.run_id).empty());
}

TEST_CASE("a program that does not exist is the client's error") {
    TrainingFixture fixture;
    auto request = TrainingFixture::request("", 1);
    request.algorithm_specification->container_entrypoint = {"/no/such/program"};
    Job job = fixture.run("absent", request);
    CHECK(job.status == Status::failed);
    CHECK(job.failure_reason == "ClientError: cannot execute `/no/such/program`: No such file or directory");
}

TEST_CASE("StopTrainingJob ends the workers and keeps the partial model") {
    TrainingFixture fixture;
    auto request = TrainingFixture::request(
        "echo half > $SM_MODEL_DIR/weights; (trap '' TERM; setsid sleep 600 &) ; echo ready; "
        "trap 'echo asked; exit 0' TERM; while :; do sleep 0.01; done",
        1);
    auto created = fixture.training->create({fixture.id("stop"), request, {}, ""});
    REQUIRE(created.has_value());
    fixture.logged("stop", "ready");
    REQUIRE(fixture.training->stop(fixture.id("stop")).has_value());
    Job job = fixture.finished("stop");
    CHECK(job.status == Status::stopped);
    CHECK(job.secondary_status == "Stopped");
    CHECK(fixture.log("stop").find("asked") != std::string::npos);
    CHECK(fixture.s3.objects.contains("out/models/stop/output/model.tar.gz"));
    CHECK(processes_of_run(job.run_id).empty());
    auto again = fixture.training->stop(fixture.id("stop"));
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().message == "The request was rejected because the training job is in status Stopped.");
    CHECK(fixture.training->stop(fixture.id("nobody")).error().message == "Requested resource not found.");
}

TEST_CASE("MaxRuntimeInSeconds ends a job") {
    TrainingFixture fixture;
    auto request = TrainingFixture::request("exec sleep 600", 1);
    request.stopping_condition->max_runtime_in_seconds = 1;
    Job job = fixture.run("slow", request);
    CHECK(job.status == Status::stopped);
    CHECK(job.secondary_status == "MaxRuntimeExceeded");
}

TEST_CASE("data that the role may not read fails the job with S3's words") {
    TrainingFixture fixture;
    fixture.s3.objects = {{"in/train/a", "a"}};
    fixture.s3.denied = "train/a";
    auto request = TrainingFixture::request("true", 1);
    request.input_data_config.emplace({TrainingFixture::channel("train", "s3://in/train/")});
    Job job = fixture.run("denied", request);
    CHECK(job.failure_reason ==
          "ClientError: Data download failed:Unable to download object s3://in/train/a (AccessDenied: Access Denied)");
}

TEST_CASE("what create refuses, in AWS's words") {
    TrainingFixture fixture;
    auto refused = [&](Request request) {
        auto created = fixture.training->create({fixture.id("job"), std::move(request), {}});
        REQUIRE_FALSE(created.has_value());
        return created.error().code + ": " + created.error().message;
    };
    auto missing = TrainingFixture::request("true", 1);
    missing.input_data_config.emplace({TrainingFixture::channel("train", "s3://in/none/")});
    CHECK(refused(missing) ==
          "ValidationException: No S3 objects found under S3 URL \"s3://in/none/\" given in input data source. Please ensure "
          "that the "
          "bucket exists in the selected region (us-east-1), that objects exist under that S3 prefix, and that the role "
          "\"arn:aws:iam::111122223333:role/trainer\" has \"s3:ListBucket\" permissions on bucket \"in\".");
    // A listing that is refused is asked for under the request, and told as nothing that is there.
    fixture.s3.objects["in/data/a"] = "a";
    fixture.unlisted = "in";
    auto unseen = TrainingFixture::request("true", 1);
    unseen.input_data_config.emplace({TrainingFixture::channel("train", "s3://in/data/")});
    fixture.asked_to_list.clear();
    const auto not_listed = fixture.training->create({fixture.id("job"), unseen, {}, "", "req-1"});
    REQUIRE_FALSE(not_listed.has_value());
    CHECK(not_listed.error().message.starts_with("No S3 objects found under S3 URL \"s3://in/data/\""));
    CHECK(not_listed.error().notes == std::vector<std::string>{"S3 answered the role (AccessDenied: no)"});
    CHECK(fixture.asked_to_list == std::vector<std::string>{"s3://in/data/ us-east-1 req-1"});
    auto nowhere = TrainingFixture::request("true", 1);
    nowhere.output_data_config.s3_output_path = "s3://nowhere/out";
    CHECK(refused(nowhere) == "ValidationException: The bucket \"nowhere\" given in output data config does not exist.");
    CHECK(refused(TrainingFixture::request("true", 17))
              .starts_with(
                  "ResourceLimitExceeded: The account-level service limit 'ml.m5.large for training job usage' is 16 Instances"));
    fixture.trusted = false;
    CHECK(refused(TrainingFixture::request("true", 1)) ==
          "ValidationException: Could not assume role arn:aws:iam::111122223333:role/trainer. Please ensure that the role exists "
          "and "
          "allows principal 'sagemaker.amazonaws.com' to assume the role.");
    fixture.trusted = true;
    CHECK(fixture.run("job", TrainingFixture::request("true", 1)).status == Status::completed);
    CHECK(refused(TrainingFixture::request("true", 1)).starts_with("ResourceInUse: Training job names must be unique"));
}

TEST_CASE("checkpoints are restored at the start and in the bucket at the end") {
    TrainingFixture fixture;
    fixture.s3.objects = {{"ck/run/old.pt", "epoch 1"}};
    auto request =
        TrainingFixture::request("cat /opt/ml/checkpoints/old.pt; echo; echo 'epoch 2' > /opt/ml/checkpoints/new.pt", 1);
    request.checkpoint_config = m::CheckpointConfig{.s3_uri = "s3://ck/run/"};
    Job job = fixture.run("resume", request);
    CHECK(job.failure_reason == "");
    CHECK(fixture.log("resume") == "epoch 1\n");
    CHECK(fixture.s3.objects["ck/run/new.pt"] == "epoch 2\n");
    CHECK(fixture.s3.objects["ck/run/old.pt"] == "epoch 1");
}

TEST_CASE("a worker's credentials are the role's and end with the job") {
    TrainingFixture fixture;
    auto created = fixture.training->create(
        {fixture.id("keys"), TrainingFixture::request("echo $AWS_CONTAINER_AUTHORIZATION_TOKEN; echo ready; sleep 600", 1), {}});
    REQUIRE(created.has_value());
    std::string token = fixture.logged("keys", "ready");
    token.resize(token.find('\n'));
    auto credentials = fixture.training->credentials_for(token);
    REQUIRE(credentials.has_value());
    CHECK(credentials->credentials.access_key_id == "ASIAarn:aws:iam::111122223333:role/trainer");
    CHECK(fixture.training->credentials_for(token + "x").error().code == "AccessDenied");
    CHECK(fixture.training->credentials_for("").error().code == "AccessDenied");
    REQUIRE(fixture.training->stop(fixture.id("keys")).has_value());
    fixture.finished("keys");
    CHECK(fixture.training->credentials_for(token).error().code == "AccessDenied");
}

namespace {

// As a killed server leaves it: in the store, and nowhere else.
void leave_behind(TrainingFixture& fixture, Job job, const std::string& name, const std::string& secondary) {
    job.id.name = name;
    job.run_id += "-" + name;  // the end of one run ends its processes, no other's
    job.status = Status::in_progress;
    if (job.secondary_status != secondary) job.enter(secondary, "", fixture.clock.now());
    store::Batch batch;
    batch.put("training/job/111122223333/us-east-1/" + name, to_json(job).dump());
    REQUIRE(fixture.keys->commit(batch).has_value());
}

int runs_of(TrainingFixture& fixture, const std::string& name) {
    int runs = 0;
    std::string log = fixture.log(name);
    for (size_t at = 0; (at = log.find("run\n", at)) != std::string::npos; ++at) ++runs;
    return runs;
}

Request with_retries(Request request, int retries) {
    request.retry_strategy = m::RetryStrategy{retries};
    return request;
}

std::vector<std::string> steps_of(const Job& job) {
    std::vector<std::string> steps;
    for (const auto& transition : job.transitions) steps.push_back(transition.status);
    return steps;
}

}  // namespace

TEST_CASE("managed spot training: an interrupted job begins again from its checkpoints, as often as it takes") {
    TrainingFixture fixture;
    // Each attempt leaves a mark; the third finds two and ends.
    auto request = TrainingFixture::request(
        "echo run; cd /opt/ml/checkpoints; n=$(ls | wc -l); if [ $n = 2 ]; then ls > $SM_MODEL_DIR/marks; "
        "exit 0; fi; echo $n > mark-$n; echo ready; trap 'echo told; exit 1' TERM; "
        "while :; do sleep 0.05; done",
        1);
    request.checkpoint_config = m::CheckpointConfig{.s3_uri = "s3://ck/spot"};
    auto plain = request;
    plain.checkpoint_config = m::CheckpointConfig{.s3_uri = "s3://ck/plain"};
    REQUIRE(fixture.training->create({fixture.id("plain"), plain, {}, ""}).has_value());
    CHECK(fixture.training->interrupt(fixture.id("plain")).error().message ==
          "The request was rejected because the training job does not use managed spot training.");
    REQUIRE(fixture.training->stop(fixture.id("plain")).has_value());
    request.enable_managed_spot_training = true;
    request.stopping_condition = m::StoppingCondition{.max_runtime_in_seconds = 60, .max_wait_time_in_seconds = 3600};
    REQUIRE(fixture.training->create({fixture.id("spot"), request, {}, ""}).has_value());
    for (int attempt = 1; attempt <= 2; ++attempt) {
        while (runs_of(fixture, "spot") < attempt) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        auto readies = [&] {
            int count = 0;
            std::string log = fixture.log("spot");
            for (size_t at = 0; (at = log.find("ready", at)) != std::string::npos; ++at) ++count;
            return count;
        };
        while (readies() < attempt) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        REQUIRE(fixture.training->interrupt(fixture.id("spot")).has_value());
    }
    Job job = fixture.finished("spot");
    CHECK(job.failure_reason == "");
    CHECK(job.status == Status::completed);
    CHECK(job.retries == 0);
    CHECK(runs_of(fixture, "spot") == 3);
    const std::vector<std::string> once = {"Starting", "Downloading", "Training", "Interrupted"};
    std::vector<std::string> steps = once;
    steps.insert(steps.end(), once.begin(), once.end());
    steps.insert(steps.end(), {"Starting", "Downloading", "Training", "Uploading", "Completed"});
    CHECK(steps_of(job) == steps);
    CHECK(fixture.s3.objects.contains("out/models/spot/output/model.tar.gz"));
    CHECK(fixture.s3.objects["ck/spot/mark-1"] == "1\n");
    CHECK(fixture.training->interrupt(fixture.id("spot")).error().message ==
          "The request was rejected because the training job is in status Completed.");
    CHECK(fixture.training->interrupt(fixture.id("none")).error().message == "Requested resource not found.");
}

TEST_CASE("managed spot training: stopping ends it for good, and so does MaxWaitTimeInSeconds") {
    TrainingFixture fixture;
    auto ends = TrainingFixture::request("echo run; echo ready; sleep 600", 1);
    ends.enable_managed_spot_training = true;
    ends.stopping_condition = m::StoppingCondition{.max_runtime_in_seconds = 2, .max_wait_time_in_seconds = 2};
    REQUIRE(fixture.training->create({fixture.id("late"), ends, {}, ""}).has_value());
    Job late = fixture.finished("late");
    CHECK(late.status == Status::stopped);
    CHECK(late.secondary_status == "MaxWaitTimeExceeded");

    auto asked = TrainingFixture::request("echo run; trap 'sleep 1; exit 0' TERM; echo ready; while :; do sleep 0.05; done", 1);
    asked.enable_managed_spot_training = true;
    asked.stopping_condition = m::StoppingCondition{.max_runtime_in_seconds = 3600, .max_wait_time_in_seconds = 3600};
    REQUIRE(fixture.training->create({fixture.id("asked"), asked, {}, ""}).has_value());
    while (fixture.log("asked").find("ready") == std::string::npos) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    REQUIRE(fixture.training->interrupt(fixture.id("asked")).has_value());
    REQUIRE(fixture.training->stop(fixture.id("asked")).has_value());  // while its worker still saves itself
    Job stopped = fixture.finished("asked");
    CHECK(stopped.status == Status::stopped);
    CHECK(stopped.secondary_status == "Stopped");
    CHECK(runs_of(fixture, "asked") == 1);

    // The end of the server is an interruption.
    auto survives = TrainingFixture::request(
        "echo run; if [ -f /opt/ml/checkpoints/mark ]; then exit 0; fi; touch /opt/ml/checkpoints/mark; "
        "echo ready; sleep 600",
        1);
    survives.enable_managed_spot_training = true;
    survives.stopping_condition = m::StoppingCondition{.max_runtime_in_seconds = 60, .max_wait_time_in_seconds = 60};
    survives.checkpoint_config = m::CheckpointConfig{.s3_uri = "s3://ck/survives"};
    REQUIRE(fixture.training->create({fixture.id("survives"), survives, {}, ""}).has_value());
    while (fixture.log("survives").find("ready") == std::string::npos) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    fixture.training->shutdown();
    fixture.training.reset();
    fixture.open();
    Job survived = fixture.finished("survives");
    CHECK(survived.status == Status::completed);
    CHECK(steps_of(survived)[3] == "Interrupted");
}

TEST_CASE("a server that stops ends the workers; the next one retries the jobs that may be retried") {
    TrainingFixture fixture;
    // The first attempt hangs, the second finds what the first has left in its checkpoints.
    auto retried = with_retries(
        TrainingFixture::request("echo run; if [ -f /opt/ml/checkpoints/mark ]; then cp /opt/ml/checkpoints/mark "
                                 "$SM_MODEL_DIR/; exit 0; fi; echo mark > /opt/ml/checkpoints/mark; echo ready; sleep 600",
                                 1),
        1);
    retried.checkpoint_config = m::CheckpointConfig{.s3_uri = "s3://ck/retried"};
    REQUIRE(fixture.training->create({fixture.id("retried"), retried, {}, ""}).has_value());
    auto cut =
        fixture.training->create({fixture.id("cut"), TrainingFixture::request("echo run; echo ready; sleep 600", 2), {}, ""});
    REQUIRE(cut.has_value());
    auto hosts_ready = [&](const char* name) {
        std::string log = fixture.log(name);
        return log.find("ready") == std::string::npos ? 0 : log.find("ready") == log.rfind("ready") ? 1 : 2;
    };
    while (hosts_ready("retried") < 1 || hosts_ready("cut") < 2) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    fixture.training->shutdown();
    auto failed = fixture.training->describe(fixture.id("cut"));
    REQUIRE(failed.has_value());
    CHECK(failed->status == Status::failed);
    CHECK(failed->failure_reason == server_stopped);
    CHECK(processes_of_run(cut->run_id).empty());
    CHECK(fixture.training->describe(fixture.id("retried"))->status == Status::in_progress);

    fixture.training.reset();
    fixture.open();
    Job job = fixture.finished("retried");
    CHECK(job.failure_reason == "");
    CHECK(job.status == Status::completed);
    CHECK(job.retries == 1);
    CHECK(runs_of(fixture, "retried") == 2);
    CHECK(steps_of(job) == std::vector<std::string>{"Starting", "Downloading", "Training", "Starting", "Downloading", "Training",
                                                    "Uploading", "Completed"});
    CHECK(fixture.s3.objects.contains("out/models/retried/output/model.tar.gz"));
    CHECK(fixture.finished("cut").status == Status::failed);
    CHECK(runs_of(fixture, "cut") == 2);  // of two workers: once each
}

TEST_CASE("a server that was killed: jobs go on where their record says, and user code runs again only as a retry") {
    TrainingFixture fixture;
    auto created = fixture.training->create(
        {fixture.id("model"), TrainingFixture::request("echo run; echo weights > $SM_MODEL_DIR/w", 1), {}, ""});
    REQUIRE(created.has_value());
    fixture.finished("model");
    Job job = *created;
    leave_behind(fixture, job, "starting", "Starting");
    leave_behind(fixture, job, "downloading", "Downloading");
    leave_behind(fixture, job, "training", "Training");
    Job retry = job;
    retry.request = keep(with_retries(job.asked(), 2));
    leave_behind(fixture, retry, "retry", "Training");
    retry.retries = 2;
    leave_behind(fixture, retry, "retried-out", "Training");
    // Its worker had ended: what it wrote is uploaded, and it does not run again.
    Job upload = job;
    upload.ended = text::Json::object({{"How", "finished"}, {"Host", 0}, {"ExitCode", 0}, {"LastLine", ""}});
    leave_behind(fixture, upload, "uploading", "Uploading");
    fs::create_directories(fixture.folder.path + "/training/111122223333/us-east-1/uploading/algo-1/ml/model");
    std::ofstream(fixture.folder.path + "/training/111122223333/us-east-1/uploading/algo-1/ml/model/w") << "weights";
    upload.ended.set("How", "failed");
    upload.ended.set("ExitCode", 3);
    leave_behind(fixture, upload, "failing", "Uploading");
    fixture.training.reset();
    // Told to stop, and killed before it had.
    Job stopping = job;
    stopping.id.name = "stopping";
    stopping.run_id += "-stopping";
    stopping.status = Status::stopping;
    stopping.enter("Stopping", "", fixture.clock.now());
    store::Batch batch;
    batch.put("training/job/111122223333/us-east-1/stopping", to_json(stopping).dump());
    REQUIRE(fixture.keys->commit(batch).has_value());
    fixture.open();

    for (const char* name : {"starting", "downloading", "retry"}) {
        CAPTURE(name);
        Job done = fixture.finished(name);
        CHECK(done.failure_reason == "");
        CHECK(done.status == Status::completed);
        CHECK(runs_of(fixture, name) == 1);
    }
    CHECK(fixture.finished("starting").retries == 0);
    CHECK(fixture.finished("retry").retries == 1);
    for (const char* name : {"training", "retried-out"}) {
        CAPTURE(name);
        CHECK(fixture.finished(name).failure_reason == server_stopped);
        CHECK(runs_of(fixture, name) == 0);
    }
    CHECK(fixture.finished("uploading").status == Status::completed);
    CHECK(fixture.s3.objects.contains("out/models/uploading/output/model.tar.gz"));
    CHECK(runs_of(fixture, "uploading") == 0);
    CHECK(fixture.finished("failing").failure_reason.ends_with(", exit code: 3"));
    CHECK(fixture.finished("stopping").status == Status::stopped);
    CHECK(runs_of(fixture, "stopping") == 0);
}

TEST_CASE("an internal error is retried as often as RetryStrategy says, within MaxRuntimeInSeconds for all attempts") {
    TrainingFixture fixture;
    Job job = fixture.run("once", with_retries(TrainingFixture::request("echo run; exit 1", 1), 3));
    CHECK(job.status == Status::failed);  // the algorithm's own error is not ours to retry
    CHECK(runs_of(fixture, "once") == 1);
    Job used = job;
    used.runtime_used = std::chrono::hours(1);
    used.failure_reason.clear();
    used.ended = {};
    used.request = keep(with_retries(TrainingFixture::request("echo run; sleep 600", 1), 3));
    used.retries = 0;
    leave_behind(fixture, used, "used-up", "Training");
    fixture.training.reset();
    fixture.open();
    CHECK(fixture.finished("used-up").secondary_status == "MaxRuntimeExceeded");
}

TEST_CASE("a finished job can be deleted and its name used again; one in progress can be updated") {
    TrainingFixture fixture;
    CHECK(fixture.training->remove(fixture.id("nobody")).error().message == "Requested resource not found.");
    REQUIRE(fixture.training->create({fixture.id("job"), TrainingFixture::request("sleep 600", 1), {}, ""}).has_value());
    CHECK(fixture.training->remove(fixture.id("job")).error().describe() ==
          "ResourceInUse: The request was rejected because the training job is in status InProgress.");
    const m::UpdateTrainingJobRequest profiler{.profiler_config = m::ProfilerConfigForUpdate{.disable_profiler = true}};
    REQUIRE(fixture.training->update(fixture.id("job"), profiler).has_value());
    CHECK(fixture.training->describe(fixture.id("job"))->asked().profiler_config->disable_profiler.value());
    const m::UpdateTrainingJobRequest pool{.resource_config = m::ResourceConfigForUpdate{60}};
    CHECK(fixture.training->update(fixture.id("job"), pool).error().message.find("has no warm pool") != std::string::npos);
    REQUIRE(fixture.training->stop(fixture.id("job")).has_value());
    fixture.finished("job");
    CHECK(fixture.training->update(fixture.id("job"), profiler).error().message ==
          "The request was rejected because the training job is in status Stopped.");
    REQUIRE(fixture.training->remove(fixture.id("job")).has_value());
    CHECK_FALSE(fixture.training->describe(fixture.id("job")).has_value());
    CHECK(fixture.run("job", TrainingFixture::request("true", 1)).status == Status::completed);
    fixture.training.reset();
    fixture.open();
    CHECK(fixture.finished("job").status == Status::completed);
}

namespace {

// Machines that never come.
class NoMachines final : public Confinement {
public:
    base::Result<void> begin(const Plan&, std::vector<WorkerPlace>&, const Attempt& attempt) override {
        attempt.pending("Waiting for machines");
        while (!attempt.given_up()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return base::fail("Cancelled", "nobody waits any more");
    }
    base::Result<LaunchedProcess> launch(const WorkerPlace&, const std::string&, std::vector<std::string>, Environment,
                                         std::string) override {
        return base::fail("LaunchFailed", "there is no machine");
    }
    std::vector<std::string> remarks(const WorkerPlace&) const override { return {}; }
    bool memory_was_exhausted(size_t) const override { return false; }
};

}  // namespace

TEST_CASE("a job waits for machines as long as MaxPendingTimeInSeconds says, or until it is stopped") {
    TrainingFixture fixture;
    fixture.training.reset();
    sandbox::Images images({}, {});
    fixture.images = &images;
    fixture.elsewhere = [] { return std::make_unique<NoMachines>(); };
    fixture.open();
    auto request = TrainingFixture::request("true", 1);
    REQUIRE(fixture.training->create({fixture.id("stopped"), request, {}, ""}).has_value());
    request.stopping_condition->max_pending_time_in_seconds = 1;
    const Job late = fixture.run("late", request);
    CHECK(late.status == Status::stopped);
    CHECK(late.transitions.back().message == "Training job exceeded MaxPendingTimeInSeconds provided");
    CHECK(std::ranges::any_of(late.transitions, [](const Transition& transition) {
        return transition.status == "Pending" && transition.message == "Waiting for machines";
    }));
    CHECK_FALSE(late.training_start_time.has_value());
    CHECK(fixture.training->describe(fixture.id("stopped"))->secondary_status == "Pending");
    REQUIRE(fixture.training->stop(fixture.id("stopped")).has_value());
    CHECK(fixture.finished("stopped").transitions.back().message == "Training job stopped");
}

TEST_CASE("quotas count what one account uses of one type") {
    TrainingFixture fixture;
    std::vector<std::string> names;
    for (int i = 0; i < 2; ++i) {
        names.push_back("quota-" + std::to_string(i));
        REQUIRE(
            fixture.training->create({fixture.id(names.back()), TrainingFixture::request("sleep 600", 7), {}, ""}).has_value());
    }
    auto create = [&](const std::string& account, const std::string& type, int count) {
        auto request = TrainingFixture::request("true", count);
        request.resource_config->instance_type = model::value_of<m::TrainingInstanceType>(type);
        JobId id{account, "us-east-1", "quota-more-" + account + "-" + type.substr(3, 2)};
        auto created = fixture.training->create({id, request, {}, ""});
        return created ? "" : created.error().message.substr(0, created.error().message.find(". "));
    };
    CHECK(create("111122223333", "ml.m5.large", 3) ==
          "The account-level service limit 'ml.m5.large for training job usage' is 16 Instances, with current utilization of 14 "
          "Instances and a request delta of 3 Instances");
    CHECK(create("444455556666", "ml.m5.large", 1) == "");
    CHECK(create("111122223333", "ml.c5.xlarge", 1) == "");
    CHECK(create("111122223333", "ml.r5.large", 16)
              .ends_with("is 32 Instances, with current utilization of 16 Instances and a "
                         "request delta of 16 Instances") == false);
    for (const auto& name : names) REQUIRE(fixture.training->stop(fixture.id(name)).has_value());
    for (const auto& name : names) fixture.finished(name);
}

TEST_CASE("script mode runs the program of sourcedir.tar.gz with the hyperparameters") {
    TrainingFixture fixture;
    fs::create_directories(fixture.folder.path + "/worker/src");
    std::ofstream(fixture.folder.path + "/worker/src/train.py")
        << "import json, os, "
           "sys\nprint(sys.argv[1:])\nprint(os.getcwd())\nprint(json.load(open('/opt/ml/input/config/hyperparameters.json')))\n"
           "print(os.uname().nodename)\nraise ValueError('boom')\n";
    std::ofstream archive(fixture.folder.path + "/sourcedir.tar.gz", std::ios::binary);
    REQUIRE(pack(
                {fixture.folder.path + "/worker"}, "src",
                [&](std::string_view bytes) -> base::Result<void> {
                    archive << bytes;
                    return {};
                },
                [] { return false; })
                .has_value());
    archive.close();
    fixture.s3.objects["code/sourcedir.tar.gz"] = read_file(fixture.folder.path + "/sourcedir.tar.gz");
    auto request = TrainingFixture::request("", 1);
    request.algorithm_specification->container_entrypoint.reset();
    request.hyper_parameters = model::Map<std::string>({{"sagemaker_program", "\"train.py\""},
                                                        {"sagemaker_submit_directory", "\"s3://code/sourcedir.tar.gz\""},
                                                        {"epochs", "3"},
                                                        {"name", "\"a b\""},
                                                        {"flag", "true"}});
    Job job = fixture.run("script", request);
    CHECK(job.status == Status::failed);
    CHECK(job.failure_reason ==
          "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"ValueError: boom\"\nCommand \"/usr/bin/python3 "
          "train.py "
          "--epochs 3 --flag True --name a b\", exit code: 1");
    std::string log = fixture.log("script");
    CHECK(log.starts_with("['--epochs', '3', '--flag', 'True', '--name', 'a b']\n/opt/ml/code\n"));
    CHECK(log.find("algo-1") != std::string::npos);
}

TEST_CASE("an upload that does not end: the server stops all the same, and the next one uploads") {
    TrainingFixture fixture;
    fixture.s3.slow = true;
    REQUIRE(fixture.training
                ->create({fixture.id("slow"), TrainingFixture::request("echo weights > /opt/ml/model/w; echo ready", 1), {}, ""})
                .has_value());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (fixture.training->describe(fixture.id("slow"))->secondary_status != "Uploading") {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const auto started = std::chrono::steady_clock::now();
    fixture.training.reset();
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(20));
    CHECK(fixture.s3.objects.empty());
    fixture.s3.slow = false;
    fixture.open();
    CHECK(fixture.finished("slow").status == Status::completed);
    CHECK(fixture.s3.objects.contains("out/models/slow/output/model.tar.gz"));
}

TEST_CASE("a source that changes between two attempts is not run") {
    TrainingFixture fixture;
    fixture.s3.objects["in/code/run.sh"] = "echo first; exec sleep 600";
    auto request = TrainingFixture::request("sh $SM_CHANNEL_CODE/run.sh", 1);
    request.input_data_config.emplace({TrainingFixture::channel("code", "s3://in/code/")});
    request.retry_strategy = m::RetryStrategy{1};
    REQUIRE(fixture.training->create({fixture.id("pinned"), request, {}, ""}).has_value());
    fixture.logged("pinned", "first");
    fixture.training.reset();
    {
        std::lock_guard lock(fixture.s3.mutex);
        fixture.s3.objects["in/code/run.sh"] = "echo second";
    }
    fixture.open();
    const Job job = fixture.finished("pinned");
    CHECK(job.status == Status::failed);
    CHECK(job.failure_reason.find("has changed since the job was created: the channel code (s3://in/code/)") !=
          std::string::npos);
    CHECK(fixture.log("pinned").find("second") == std::string::npos);
}

}  // namespace training
