#include "training/launch.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "machine.hpp"
#include "os/child.hpp"
#include "training/openat_beneath.hpp"

namespace training {
namespace {

std::string output_of(LaunchedProcess& process) {
    ::fcntl(process.output.number(), F_SETFL, 0);
    std::string all;
    char buffer[4096];
    for (ssize_t count; (count = ::read(process.output.number(), buffer, sizeof buffer)) > 0;)
        all.append(buffer, static_cast<size_t>(count));
    (void)os::reap(process.process);
    return all;
}

struct Folder {
    Folder() {
        char name[] = "/var/tmp/launch-test-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
        for (const char* part : {"ml", "home", "tmp", "opt"}) std::filesystem::create_directories(path + "/" + part);
        FILE* hosts = std::fopen((path + "/hosts").c_str(), "w");
        REQUIRE(hosts != nullptr);
        std::fputs("127.0.0.1 localhost\n", hosts);
        std::fclose(hosts);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

}  // namespace

TEST_CASE("without private mounts a worker still gets only its own environment and a group of its own") {
    Folder folder;
    LaunchRequest request;
    request.command = {"sh", "-c", "env | sort; pwd; test $(ps -o pgid= -p $$) = $$ && echo leads; ls /proc/self/fd | wc -l"};
    request.environment = {{"PATH", "/usr/bin:/bin"}, {"ONLY", "this"}};
    request.worker_folder = request.working_directory = folder.path;
    auto process = launch(request);
    REQUIRE(process.has_value());
    std::string output = output_of(*process);
    CHECK(output.starts_with("ONLY=this\nPATH=/usr/bin:/bin\nPWD=" + folder.path + "\n" + folder.path + "\nleads\n"));
    CHECK(output.ends_with("\n4\n"));  // three, and the listing's own
}

TEST_CASE("private mounts work below a root that is no mount itself, as after a chroot") {
    NEEDS("root", "mounts");
    Folder folder;
    std::filesystem::create_directories(folder.path + "/proc");
    pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool possible = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                              ::mount("/proc", (folder.path + "/proc").c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0 &&
                              ::chroot(folder.path.c_str()) == 0 && ::chdir("/") == 0;
        ::_exit(!possible ? 2 : try_private_mounts() ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("with private mounts /opt/ml is the worker's, the rest of /opt stays, what is hidden is not there") {
    NEEDS("mounts");
    REQUIRE(private_mounts_available());
    Folder folder;
    std::filesystem::create_directories(folder.path + "/secret");
    FILE* key = std::fopen((folder.path + "/key").c_str(), "w");
    std::fputs("key", key);
    std::fclose(key);
    LaunchRequest request;
    request.command = {"/bin/sh", "-c",
                       "echo made > /opt/ml/made; ls /opt; ls -A / > /dev/null; cat " + folder.path + "/key; ls -A /tmp ~ " +
                           folder.path + "/secret; uname -n; umount /opt 2>&1"};
    request.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", home_of_server()}};
    request.worker_folder = folder.path;
    request.working_directory = "/opt/ml";
    request.host_name = "algo-7";
    request.hidden = {folder.path + "/secret", folder.path + "/key", "/no/such/place"};
    request.private_mounts = true;
    std::string before;
    for (const auto& entry : std::filesystem::directory_iterator("/opt")) before += entry.path().filename().string() + " ";
    auto process = launch(request);
    REQUIRE_MESSAGE(process.has_value(), (process ? "" : process.error().message));
    std::string output = output_of(*process);
    CAPTURE(output);
    CHECK(output.find("ml\n") != std::string::npos);
    CHECK(output.find("key") == std::string::npos);
    CHECK(output.find("algo-7\n") != std::string::npos);
    CHECK(output.find("umount: ") != std::string::npos);
    CHECK(read_beneath(folder.path, "ml/made", 100) == "made\n");
    std::string after;
    for (const auto& entry : std::filesystem::directory_iterator("/opt")) after += entry.path().filename().string() + " ";
    CHECK(before == after);
}

TEST_CASE("a launch that fails says at which step") {
    Folder folder;
    LaunchRequest request;
    request.environment = {{"PATH", "/usr/bin:/bin"}};
    request.worker_folder = folder.path;
    request.working_directory = folder.path;
    request.command = {"no-such-program-anywhere"};
    auto process = launch(request);
    REQUIRE_FALSE(process.has_value());
    CHECK(process.error().message == "cannot execute `no-such-program-anywhere`: No such file or directory");
    request.command = {"true"};
    request.working_directory = folder.path + "/nowhere";
    process = launch(request);
    REQUIRE_FALSE(process.has_value());
    CHECK(process.error().message == "cannot enter the working directory: No such file or directory");
}

TEST_CASE("links do not lead out of a worker's folder") {
    Folder folder;
    std::filesystem::create_directories(folder.path + "/ml/model/deep");
    std::filesystem::create_symlink("/etc", folder.path + "/ml/model/folder");
    std::filesystem::create_symlink("/etc/passwd", folder.path + "/ml/model/file");
    std::filesystem::copy_file(folder.path + "/hosts", folder.path + "/ml/model/deep/real");
    auto found = files_beneath(folder.path, "ml/model").files;
    REQUIRE(found.size() == 3);
    CHECK(found[0].path == "deep/real");
    CHECK_FALSE(found[0].is_link);
    CHECK(found[1].path == "file");
    CHECK(found[1].is_link);
    CHECK(found[2].is_link);
    CHECK(read_beneath(folder.path, "ml/model/file", 100).empty());
    CHECK(read_beneath(folder.path, "ml/model/folder/passwd", 100).empty());
    CHECK(read_beneath(folder.path, "ml/../../../../etc/passwd", 100).empty());
    CHECK_FALSE(copy_beneath(folder.path, "ml/model/folder/passwd", folder.path + "/copy", [] { return false; }).has_value());
    CHECK(read_beneath(folder.path, "ml/model/deep/real", 9) == "127.0.0.1");
}

}  // namespace training
