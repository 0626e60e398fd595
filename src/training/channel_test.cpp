// Channels without a server: what is selected, in which order, and what readers of pipes and mounts see.
#include "training/channel.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "machine.hpp"
#include "os/descriptor.hpp"
#include "tar/gzip.hpp"
#include "training/fastfile.hpp"
#include "training/openat_beneath.hpp"
#include "training/pipe.hpp"
#include "training/scope.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

class Bucket final : public JobData {
public:
    std::map<std::string, std::string> objects;  // of the bucket `b`, by key
    std::mutex mutex;
    std::atomic<uint64_t> bytes{0}, requests{0};
    std::atomic<bool> denied{false};
    void replace(const std::string& key, const std::string& content) {
        std::lock_guard lock(mutex);
        objects[key] = content;
    }

    base::Result<std::vector<DataObject>> list(const identity::Credentials&, const S3Uri& prefix, size_t limit) override {
        std::lock_guard lock(mutex);
        std::vector<DataObject> found;
        for (const auto& [key, content] : objects) {
            if (key.starts_with(prefix.key) && found.size() < limit) found.push_back({key, content.size(), etag(content)});
        }
        return found;
    }
    base::Result<void> download(const identity::Credentials&, const S3Uri&, const std::string&, const std::string&,
                                const Cancelled&) override {
        return base::fail("NotImplemented", "");
    }
    base::Result<std::unique_ptr<Upload>> upload(CredentialsSource, const S3Uri&, Cancelled) override {
        return base::fail("NotImplemented", "");
    }
    base::Result<void> remove(const identity::Credentials&, const S3Uri&) override { return base::fail("NotImplemented", ""); }
    base::Result<DataObject> stat(const identity::Credentials&, const S3Uri& object) override {
        std::lock_guard lock(mutex);
        if (!objects.contains(object.key)) return base::fail("NoSuchKey", "there is no such object");
        return DataObject{object.key, objects[object.key].size(), etag(objects[object.key])};
    }
    base::Result<std::string> read(const identity::Credentials&, const S3Uri& object, const std::string& wanted, uint64_t offset,
                                   uint64_t size) override {
        std::lock_guard lock(mutex);
        if (denied) return base::fail("AccessDenied", "Access Denied");
        if (!objects.contains(object.key)) return base::fail("NoSuchKey", "there is no such object");
        const auto& content = objects[object.key];
        if (!wanted.empty() && wanted != etag(content)) return base::fail("PreconditionFailed", "it was replaced");
        bytes += size;
        ++requests;
        return content.substr(offset, size);
    }
    static std::string etag(const std::string& content) { return std::to_string(std::hash<std::string>{}(content)); }
};

struct ChannelFixture {
    Bucket bucket;
    base::SystemClock clock;
    AssumeJobRole assume = [this](const JobId&, const std::string&, const SessionTerms&) -> base::Result<identity::Credentials> {
        return identity::Credentials{"ASIA", "secret", "token", clock.now() + std::chrono::hours(1)};
    };
    identity::Leases leases;
    RoleSession session{{&assume, &clock, &leases},
                        {"111122223333", "us-east-1", "job"},
                        "arn:aws:iam::111122223333:role/r",
                        {.lease = "lease"},
                        mover_lease()};
    std::string worker;
    InputMemory memory{64ULL << 20, 1000};

    ChannelFixture() {
        char name[] = "/tmp/channel-test-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        worker = name;
        fs::create_directories(worker + "/ml/input/data/train");
    }
    ~ChannelFixture() { fs::remove_all(worker); }

    static Channel channel(InputMode mode, const std::string& key = "d/") {
        Channel channel;
        channel.name = "train";
        channel.source = {"b", key};
        channel.mode = mode;
        return channel;
    }
    [[nodiscard]] std::string data(const std::string& name) const { return worker + "/ml/input/data/" + name; }
    std::unique_ptr<Pipe> pipe(const Channel& channel, std::function<void(base::Error)> on_failure = {}) {
        auto samples = samples_of(bucket, session, channel);
        REQUIRE_MESSAGE(samples.has_value(), (samples ? "" : samples.error().describe()));
        auto pipe = Pipe::start({.data = &bucket,
                                 .session = &session,
                                 .channel = channel,
                                 .samples = std::make_shared<const std::vector<Sample>>(std::move(*samples)),
                                 .worker = worker,
                                 .on_failure = std::move(on_failure)});
        REQUIRE(pipe.has_value());
        return std::move(*pipe);
    }
};

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
}

std::string noise(size_t size, uint32_t seed) {
    std::string out(size, '\0');
    for (auto& c : out) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
    return out;
}

std::string gzipped(const std::string& content) { return tar::gzip(content); }

std::string record(const std::string& payload) {
    return recordio_header(payload.size()) + payload + recordio_padding(payload.size());
}

}  // namespace

TEST_CASE("sharding takes every n-th, shuffling is the seed's and the epoch's") {
    Channel channel;
    CHECK(share_of(channel, 4, 1, 2) == std::vector<size_t>{0, 1, 2, 3});
    CHECK(order_of(channel, 4, 0, 1, 2) == std::vector<size_t>{0, 1, 2, 3});
    channel.sharded = true;
    CHECK(order_of(channel, 5, 0, 1, 2) == std::vector<size_t>{1, 3});
    channel.shuffle_seed = 7;
    CHECK(share_of(channel, 5, 1, 2) == std::vector<size_t>{1, 3});  // files are not shuffled
    std::set<size_t> seen;
    for (size_t host = 0; host < 3; ++host)
        for (size_t place : order_of(channel, 100, 4, host, 3)) CHECK(seen.insert(place).second);
    CHECK(seen.size() == 100);
    channel.sharded = false;
    auto first = order_of(channel, 100, 0, 0, 1);
    CHECK(first == order_of(channel, 100, 0, 3, 4));
    CHECK(first != order_of(channel, 100, 1, 0, 1));
    CHECK_FALSE(std::ranges::is_sorted(first));
    channel.shuffle_seed = 8;
    CHECK(first != order_of(channel, 100, 0, 0, 1));
}

TEST_CASE("RecordIO as MXNet writes it") {
    using namespace std::literals;
    CHECK(record("abc") == "\x0a\x23\xd7\xce\x03\0\0\0abc\0"s);
    CHECK(record("abcd") == "\x0a\x23\xd7\xce\x04\0\0\0abcd"s);
    CHECK(record("") == "\x0a\x23\xd7\xce\0\0\0\0"s);
}

TEST_CASE("a pipe an epoch, each with everything in order") {
    ChannelFixture fixture;
    fixture.bucket.objects = {{"d/a", "first "}, {"d/b", noise(9'000'000, 1)}, {"d/c", ""}, {"d/", ""}, {"e/x", "not ours"}};
    auto pipe = fixture.pipe(ChannelFixture::channel(InputMode::pipe));
    for (int epoch = 0; epoch < 3; ++epoch) {
        CAPTURE(epoch);
        CHECK(contents(fixture.data("train_" + std::to_string(epoch))) == "first " + fixture.bucket.objects["d/b"]);
        CHECK(fs::is_fifo(fixture.data("train_" + std::to_string(epoch + 1))));
    }
}

TEST_CASE("a reader that leaves early gets the next epoch whole") {
    ChannelFixture fixture;
    fixture.bucket.objects = {{"d/a", noise(20'000'000, 2)}};
    auto pipe = fixture.pipe(ChannelFixture::channel(InputMode::pipe));
    char few[16];
    int early = ::open(fixture.data("train_0").c_str(), O_RDONLY);
    REQUIRE(early >= 0);
    CHECK(::read(early, few, sizeof few) == 16);
    ::close(early);
    while (!fs::exists(fixture.data("train_1"))) ::usleep(1000);
    CHECK(contents(fixture.data("train_1")) == fixture.bucket.objects["d/a"]);
}

TEST_CASE("nobody reads: a pipe ends all the same, in the middle too") {
    ChannelFixture fixture;
    fixture.bucket.objects = {{"d/a", noise(20'000'000, 3)}};
    {
        auto waiting = fixture.pipe(ChannelFixture::channel(InputMode::pipe));
    }
    fs::remove(fixture.data("train_0"));
    auto pipe = fixture.pipe(ChannelFixture::channel(InputMode::pipe));
    int reader = ::open(fixture.data("train_0").c_str(), O_RDONLY);
    REQUIRE(reader >= 0);
    pipe.reset();
    ::close(reader);
    CHECK(true);
}

TEST_CASE("gzip and RecordIO on the way") {
    ChannelFixture fixture;
    std::string large = noise(5'000'000, 4);
    fixture.bucket.objects = {{"d/a", gzipped("alpha")}, {"d/b", gzipped(large) + gzipped("tail")}};
    Channel channel = ChannelFixture::channel(InputMode::pipe);
    channel.gzip = true;
    {
        auto pipe = fixture.pipe(channel);
        CHECK(contents(fixture.data("train_0")) == "alpha" + large + "tail");
    }
    fs::remove_all(fixture.data(""));
    fs::create_directories(fixture.data(""));
    channel.recordio = true;
    auto pipe = fixture.pipe(channel);
    CHECK(contents(fixture.data("train_0")) == record("alpha") + record(large + "tail"));
}

TEST_CASE("an augmented manifest's attributes in the order that was asked for") {
    ChannelFixture fixture;
    fixture.bucket.objects = {{"m.jsonl",
                               "{\"source-ref\": \"s3://b/i/1.jpg\", \"class\": 4, \"box\": {\"w\": 2}}\n\n"
                               "{\"source-ref\": \"s3://b/i/2.jpg\", \"class\": \"cat\", \"box\": []}\n"},
                              {"i/1.jpg", "ONE"},
                              {"i/2.jpg", "TWO"}};
    Channel channel = ChannelFixture::channel(InputMode::pipe, "m.jsonl");
    channel.augmented = true;
    channel.attributes = {"class", "source-ref"};
    channel.recordio = true;
    {
        auto pipe = fixture.pipe(channel);
        CHECK(contents(fixture.data("train_0")) == record("4") + record("ONE") + record("cat") + record("TWO"));
    }
    channel.attributes = {"label"};
    auto missing = samples_of(fixture.bucket, fixture.session, channel);
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().message.find("line 1 of the augmented manifest s3://b/m.jsonl has no attribute label") !=
          std::string::npos);
}

TEST_CASE("what cannot be read on is an error, not an end") {
    ChannelFixture fixture;
    fixture.bucket.objects = {{"d/a", "alpha"}, {"d/b", "beta"}};
    std::atomic<int> failures{0};
    std::string told;
    auto pipe = fixture.pipe(ChannelFixture::channel(InputMode::pipe), [&](const base::Error& error) {
        told = error.message;
        ++failures;
    });
    fixture.bucket.replace("d/b", "replaced");
    int reader = ::open(fixture.data("train_0").c_str(), O_RDONLY);
    REQUIRE(reader >= 0);
    char bytes[16];
    CHECK(::read(reader, bytes, sizeof bytes) == 5);
    while (failures == 0) ::usleep(1000);
    CHECK(told.find("s3://b/d/b (PreconditionFailed") != std::string::npos);
    // Still no end of file.
    ::fcntl(reader, F_SETFL, O_NONBLOCK);
    CHECK(::read(reader, bytes, sizeof bytes) == -1);
    CHECK(errno == EAGAIN);
    ::close(reader);
}

TEST_CASE("manifests name their objects below a prefix, and nothing above it") {
    ChannelFixture fixture;
    fixture.bucket.objects = {{"m.json", R"([{"prefix": "s3://b/d/"}, "x/1", "2"])"}, {"d/x/1", "one"}, {"d/2", "two"}};
    Channel channel = ChannelFixture::channel(InputMode::file, "m.json");
    channel.manifest = true;
    auto objects = objects_of(fixture.bucket, fixture.session, channel, true);
    REQUIRE(objects.has_value());
    REQUIRE(objects->size() == 2);
    CHECK((*objects)[0].name == "x/1");
    CHECK((*objects)[1].size == 3);
    fixture.bucket.objects["m.json"] = R"([{"prefix": "s3://b/d/"}, "../2"])";
    CHECK_FALSE(objects_of(fixture.bucket, fixture.session, channel, true).has_value());
}

TEST_CASE("FastFile: a folder whose bytes come when they are read") {
    NEEDS("fuse");
    REQUIRE(fast_file_available());
    ChannelFixture fixture;
    std::string large = noise(50'000'000, 5);
    fixture.bucket.objects = {{"d/a", "alpha"}, {"d/sub/b", large}, {"d/sub/empty", ""}, {"dx", "a partial name is no folder"}};
    auto objects = objects_of(fixture.bucket, fixture.session, ChannelFixture::channel(InputMode::fast_file, "d"), true);
    REQUIRE(objects.has_value());
    CHECK(objects->size() == 3);
    auto tree = names_of(*objects);
    REQUIRE(tree.has_value());
    std::atomic<uint64_t> read{0};
    std::string folder = fixture.data("train");
    {
        auto mounted = FastFileMount::mount(fixture.bucket, fixture.session, *tree, folder, fixture.memory, &read);
        REQUIRE(mounted.has_value());
        CHECK(fixture.bucket.requests == 0);
        CHECK(contents(folder + "/a") == "alpha");
        CHECK(fs::file_size(folder + "/sub/b") == large.size());
        CHECK(contents(folder + "/sub/empty").empty());
        std::set<std::string> names;
        for (const auto& entry : fs::recursive_directory_iterator(folder)) names.insert(entry.path().lexically_relative(folder));
        CHECK(names == std::set<std::string>{"a", "sub", "sub/b", "sub/empty"});
        // A little from far inside costs little.
        int file = ::open((folder + "/sub/b").c_str(), O_RDONLY);
        REQUIRE(file >= 0);
        ::posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
        char few[100];
        CHECK(::pread(file, few, sizeof few, 40'000'000) == 100);
        CHECK(std::string(few, sizeof few) == large.substr(40'000'000, 100));
        ::close(file);
        CHECK(read < 2'000'000);
        CHECK(contents(folder + "/sub/b") == large);
        CHECK(fixture.bucket.requests < 40);
        // Read only, and pinned.
        CHECK(::open((folder + "/a").c_str(), O_WRONLY) == -1);
        CHECK(errno == EROFS);
        CHECK(::open((folder + "/new").c_str(), O_WRONLY | O_CREAT, 0644) == -1);
    }
    CHECK(fs::is_empty(folder));
    auto mounted = FastFileMount::mount(fixture.bucket, fixture.session, *tree, folder, fixture.memory, &read);
    REQUIRE(mounted.has_value());
    fixture.bucket.replace("d/a", "omega");
    int file = ::open((folder + "/a").c_str(), O_RDONLY);
    char few[8];
    CHECK(::read(file, few, sizeof few) == -1);
    CHECK(errno == EIO);
    fixture.bucket.denied = true;
    CHECK(::read(file, few, sizeof few) == -1);
    CHECK(errno == EACCES);
    ::close(file);
    // What a killed server leaves is mounted and dead; here it is alive, which is harder.
    int held = ::open((folder + "/a").c_str(), O_RDONLY);
    unmount_below(fixture.worker);
    CHECK(fs::is_empty(folder));
    ::close(held);
}

TEST_CASE("FastFile: who opens everything and reads everywhere at once takes no more memory than there is") {
    NEEDS("fuse");
    ChannelFixture fixture;
    constexpr size_t files = 400;
    std::vector<std::string> content;
    for (size_t i = 0; i < files; ++i) {
        content.push_back(noise(300'000, static_cast<unsigned>(i)));
        fixture.bucket.objects["d/" + std::to_string(i)] = content.back();
    }
    const auto objects = objects_of(fixture.bucket, fixture.session, ChannelFixture::channel(InputMode::fast_file, "d"), true);
    REQUIRE(objects.has_value());
    const auto tree = names_of(*objects);
    REQUIRE(tree.has_value());
    constexpr uint64_t most = 16ULL << 20;
    InputMemory memory(most, files);
    std::atomic<uint64_t> read{0};
    const std::string folder = fixture.data("train");
    {
        const auto mounted = FastFileMount::mount(fixture.bucket, fixture.session, *tree, folder, memory, &read);
        REQUIRE(mounted.has_value());
        std::vector<int> open;
        for (size_t i = 0; i < files; ++i)
            open.push_back(::open((folder + "/" + std::to_string(i)).c_str(), O_RDONLY | O_CLOEXEC));
        CHECK(std::ranges::count(open, -1) == 0);
        CHECK(::open((folder + "/0").c_str(), O_RDONLY | O_CLOEXEC) == -1);
        CHECK(errno == ENFILE);
        std::atomic<uint64_t> seen{0};
        std::atomic<size_t> wrong{0};
        std::vector<std::thread> readers;
        for (size_t part = 0; part < 8; ++part) {
            readers.emplace_back([&, part] {
                for (size_t i = part; i < files; i += 8) {
                    ::posix_fadvise(open[i], 0, 0, POSIX_FADV_RANDOM);
                    for (const size_t at : {0UL, 200'000UL, 100'000UL}) {
                        char few[1000];
                        if (::pread(open[i], few, sizeof few, static_cast<off_t>(at)) != sizeof few ||
                            std::string_view(few, sizeof few) != std::string_view(content[i]).substr(at, sizeof few))
                            ++wrong;
                        seen = std::max(seen.load(), memory.bytes());
                    }
                }
            });
        }
        for (auto& reader : readers) reader.join();
        CHECK(wrong == 0);
        CHECK(seen <= most);
        CHECK(seen > 0);
        // In order, each file is whole all the same.
        for (size_t i = 0; i + 1 < files; ++i) ::close(open[i]);
        for (size_t i = 0; i < files; i += 97) CHECK((contents(folder + "/" + std::to_string(i)) == content[i]));
        // One is left open: its memory goes with the mount.
    }
    CHECK(memory.bytes() == 0);
}

TEST_CASE("Pipe: a packed record that would be larger than the channel may hold is refused, not unpacked") {
    ChannelFixture fixture;
    fixture.bucket.objects = {{"d/bomb.gz", tar::gzip(std::string(20 << 20, '\0'))}};
    Channel channel = ChannelFixture::channel(InputMode::pipe);
    channel.gzip = channel.recordio = true;
    const auto samples = samples_of(fixture.bucket, fixture.session, channel);
    REQUIRE(samples.has_value());
    base::Mutex mutex;
    std::optional<base::Error> failure;
    std::atomic<bool> failed{false};
    const auto pipe = Pipe::start({.data = &fixture.bucket,
                                   .session = &fixture.session,
                                   .channel = channel,
                                   .samples = std::make_shared<const std::vector<Sample>>(*samples),
                                   .worker = fixture.worker,
                                   .memory_bytes = 32ULL << 20,
                                   .on_failure = [&](base::Error error) {
                                       const base::Lock lock(mutex);
                                       failure = std::move(error);
                                       failed = true;
                                   }});
    REQUIRE(pipe.has_value());
    const os::Descriptor reader(::open(fixture.data("train_0").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(reader.is_open());
    for (int i = 0; i < 1000 && !failed; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const base::Lock lock(mutex);
    REQUIRE(failure.has_value());
    CHECK(failure->message.find("more than the 16 MiB") != std::string::npos);
}

}  // namespace training
