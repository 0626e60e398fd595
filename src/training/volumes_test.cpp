#include "training/volumes.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "temporary_folder.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t mib = 1ULL << 20;

void fill(const std::string& path, uint64_t bytes) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << std::string(bytes, 'x');
}

// The blocks of an empty folder are the file system's affair.
constexpr uint64_t folders_bytes_max = 256ULL << 10;

bool about(uint64_t found, uint64_t expected) { return found >= expected && found < expected + folders_bytes_max; }

}  // namespace

TEST_CASE("what a folder takes is its blocks: not holes, not what links point at, and a file of two names once") {
    TemporaryFolder folder;
    const std::string worker = folder.path + "/algo-1";
    fill(folder.path + "/elsewhere/large", 8 * mib);
    fill(worker + "/ml/model/a/b/weights", 2 * mib);
    CHECK(about(allocated_below(worker, 1ULL << 40), 2 * mib));
    REQUIRE(::link((worker + "/ml/model/a/b/weights").c_str(), (worker + "/ml/again").c_str()) == 0);
    REQUIRE(::symlink((folder.path + "/elsewhere").c_str(), (worker + "/ml/out").c_str()) == 0);
    REQUIRE(::truncate((worker + "/ml/model/a/b/weights").c_str(), 100 * mib) == 0);
    CHECK(about(allocated_below(worker, 1ULL << 40), 2 * mib));
    fill(worker + "/tmp/more", mib);
    CHECK(about(allocated_below(worker, 1ULL << 40), 3 * mib));
    CHECK(allocated_below(worker, mib) > mib);  // enough is enough
    CHECK(allocated_below(worker + "/none", mib) == 0);
}

TEST_CASE("what lies deeper than can be looked at is taken for too much") {
    TemporaryFolder folder;
    fs::current_path(folder.path);
    for (int depth = 0; depth < 300; ++depth) {
        fs::create_directory("d");
        fs::current_path("d");
    }
    std::ofstream("hidden") << "x";
    fs::current_path("/");
    CHECK(allocated_below(folder.path, mib) > mib);
}

TEST_CASE("of all jobs the one that has taken most ends for the others") {
    TemporaryFolder folder;
    Limits limits;
    limits.jobs_bytes_max = 100;
    limits.disk_free_bytes_min = 0;
    DiskUse use(folder.path, limits);
    use.set("small", 40, true);
    CHECK_FALSE(use.must_end("small").has_value());
    CHECK_FALSE(use.must_wait().has_value());
    use.set("large", 61, true);
    CHECK(use.must_end("large").has_value());
    CHECK_FALSE(use.must_end("small").has_value());
    CHECK(use.must_wait().has_value());
    // What a job left that has ended counts, but only one that runs can be ended.
    use.set("large", 61, false);
    CHECK(use.must_end("small").has_value());
    use.leave("large");
    CHECK_FALSE(use.must_end("small").has_value());  // what it gives back may be enough
    use.forget("large");
    CHECK_FALSE(use.must_end("small").has_value());
    CHECK_FALSE(use.must_wait().has_value());
}

TEST_CASE("what failed jobs have left goes, the oldest first, before a job that runs ends for it") {
    TemporaryFolder folder;
    Limits limits;
    limits.jobs_bytes_max = 100;
    limits.kept_bytes_max = 80;
    limits.disk_free_bytes_min = 0;
    DiskUse use(folder.path, limits);
    std::vector<std::string> kept, removed;
    use.remove_kept_by([&] {
        if (kept.empty()) return false;
        use.forget(kept.front());
        removed.push_back(kept.front());
        kept.erase(kept.begin());
        return true;
    });
    const auto keep = [&](const std::string& job, uint64_t bytes) {
        use.keep(job, bytes);
        kept.push_back(job);
        use.make_room();
    };
    keep("first", 30);
    keep("second", 30);
    CHECK(removed.empty());
    CHECK_FALSE(use.must_make_room());
    keep("third", 30);  // more than may be kept
    CHECK(removed == std::vector<std::string>{"first"});
    keep("huge", 81);  // alone more than that: nothing is left
    CHECK(removed.size() == 4);
    CHECK(kept.empty());
    // A job that runs, and has less than it may, does not end for others'.
    keep("left", 60);
    use.set("runs", 50, true);
    CHECK(use.must_make_room());
    use.make_room();
    CHECK(removed.back() == "left");
    CHECK_FALSE(use.must_make_room());
    CHECK_FALSE(use.must_end("runs").has_value());
    CHECK_FALSE(use.must_wait().has_value());
    // No more than so many, however small.
    use.forget("runs");
    const size_t before = removed.size();
    for (size_t i = 0; i <= kept_folders_max; ++i) keep(std::to_string(i), 1);
    CHECK(removed.size() == before + 1);
    CHECK(removed.back() == "0");
    CHECK(kept.size() == kept_folders_max);
}

TEST_CASE("what is kept stays while there is room, and where nobody removes it") {
    TemporaryFolder folder;
    Limits limits;
    limits.disk_free_bytes_min = 0;
    DiskUse some(folder.path, limits);
    some.remove_kept_by([] { return false; });
    some.keep("left", 1);
    CHECK_FALSE(some.must_make_room());
    limits.jobs_bytes_max = 1;
    DiskUse none(folder.path, limits);
    none.keep("left", 1);
    CHECK_FALSE(none.must_make_room());  // nobody removes it
    none.remove_kept_by([] { return false; });
    CHECK(none.must_make_room());
}

TEST_CASE("what a worker wrote since the last look counts once it has ended, and what is kept is measured anew") {
    TemporaryFolder folder;
    Limits limits;
    limits.jobs_bytes_max = mib;
    limits.kept_bytes_max = mib / 2;
    DiskUse use(folder.path, limits);
    size_t asked = 0;
    use.remove_kept_by([&] { return ++asked < 1; });
    JobVolumes volumes(use, folder.path + "/job", {folder.path + "/job/algo-1"}, 1, false);
    REQUIRE(volumes.make().has_value());
    volumes.watch([] {});
    fill(folder.path + "/job/algo-1/ml/model/weights", 2 * mib);  // within a second
    volumes.end_watch();
    CHECK(use.must_wait().has_value());
    volumes.keep();
    CHECK(use.must_make_room());
    volumes.remove();
    CHECK_FALSE(use.must_make_room());
    // After a restart: whatever its size was.
    fill(folder.path + "/job/algo-1/ml/model/weights", 2 * mib);
    JobVolumes found(use, folder.path + "/job", {folder.path + "/job/algo-1"}, of_any_size, false);
    REQUIRE(found.find().has_value());
    CHECK(use.must_wait().has_value());
    CHECK_FALSE(found.failure().has_value());
    found.keep();
    CHECK(use.must_make_room());
    CHECK_FALSE(found.failure().has_value());
}

TEST_CASE("a disk that is nearly full ends the job that fills it, and no small one") {
    TemporaryFolder folder;
    Limits limits;
    limits.disk_free_bytes_min = uint64_t{1} << 60;  // cut to a share of the disk, which is more than these tests may fill
    const DiskUse some(folder.path, limits);
    CHECK_FALSE(some.must_end("nobody").has_value());
}

TEST_CASE("where there are no volumes, a worker that writes more than its size is found") {
    TemporaryFolder folder;
    Limits limits;
    DiskUse use(folder.path, limits);
    JobVolumes volumes(use, folder.path, {folder.path + "/algo-1", folder.path + "/algo-2"}, 0,
                       false);  // 0 GiB: anything is more
    REQUIRE(volumes.make().has_value());
    fill(folder.path + "/algo-2/ml/model/weights", mib);
    std::atomic<int> told{0};
    volumes.watch([&] { ++told; });
    for (int i = 0; i < 400 && told == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    volumes.end_watch();
    CHECK(told == 1);
    const auto failure = volumes.failure();
    REQUIRE(failure.has_value());
    CHECK(failure->code == "ClientError");
    CHECK(failure->message.find("algo-2") != std::string::npos);
    CHECK(failure->message.find("VolumeSizeInGB") != std::string::npos);
    REQUIRE(volumes.make().has_value());  // the next attempt begins anew
    CHECK_FALSE(volumes.failure().has_value());
}

}  // namespace training
