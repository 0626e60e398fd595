// The program of inside/ by itself: what it does as the first process of a namespace, without bubblewrap around it.
//
// It signals every process that it can see, so it only ever runs as the first of a PID namespace: unshare(1) makes one, or ends.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "machine.hpp"
#include "os/child.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "sandbox/inside/spec.hpp"

namespace sandbox {
namespace {

using Words = std::vector<std::string>;

struct Folder {
    std::string path = [] {
        char name[] = "/var/tmp/inside-test-XXXXXX";
        return std::string(::mkdtemp(name));
    }();
    ~Folder() { std::filesystem::remove_all(path); }
};

std::string list_of(const Words& words) {
    std::string text = std::to_string(words.size()) + '\0';
    for (const auto& word : words) text += word + '\0';
    return text;
}

std::string task_of(const std::string& directory, const Words& writable, const Words& command, const Words& variables) {
    return directory + '\0' + list_of(writable) + list_of(command) + list_of(variables);
}

// The program, with a task, and what it says.
struct Run {
    os::Child child;
    os::Descriptor control, report, output;

    std::vector<Message> messages() const {
        std::vector<Message> all;
        for (Message message{}; ::read(report.number(), &message, sizeof message) == sizeof message;) all.push_back(message);
        return all;
    }
    std::string said() const {
        std::string text;
        char buffer[4096];
        for (ssize_t got; (got = ::read(output.number(), buffer, sizeof buffer)) > 0;)
            text.append(buffer, static_cast<size_t>(got));
        return text;
    }
    int code() const { return os::reap(child.process).code; }
};

Run start(const std::string& task) {
    static const char* const words[] = {"unshare", "--user",       "--map-root-user",  "--pid", "--mount-proc",
                                        "--fork",  "--kill-child", TRAINWARDEN_INSIDE, "3",     "4",
                                        "5",       nullptr};
    os::Descriptor orders(::memfd_create("task", 0));
    REQUIRE(os::write_all(orders.number(), task, "task").has_value());
    REQUIRE(::lseek(orders.number(), 0, SEEK_SET) == 0);
    auto control = os::make_pipe(), report = os::make_pipe(), output = os::make_pipe();
    REQUIRE((control && report && output));
    const int ours[] = {orders.number(), control->read.number(), report->write.number()};
    const int said = output->write.number();
    const auto become = [&] {
        ::dup2(said, 1);
        ::dup2(said, 2);
        // First out of the way of 3, 4 and 5.
        int high[3];
        for (int i = 0; i < 3; ++i) high[i] = ::fcntl(ours[i], F_DUPFD, 10);
        for (int i = 0; i < 3; ++i) ::dup2(high[i], 3 + i);
        ::close_range(6, ~0U, 0);
        ::execv("/usr/bin/unshare", const_cast<char**>(words));
        ::_exit(126);
    };
    auto child = os::start_child(become);
    REQUIRE(child.has_value());
    return {std::move(*child), std::move(control->write), std::move(report->read), std::move(output->read)};
}

const Words plain = {"PATH=/usr/bin:/bin"};

}  // namespace

TEST_CASE("the first process runs the task's command, in its folder, with its variables and no others, and ends with its code") {
    NEEDS("sandboxes");
    const Folder folder;
    const auto run = start(task_of(folder.path, {folder.path}, {"sh", "-c", "pwd; env | sort; echo made > file; exit 7"},
                                   {"PATH=/usr/bin:/bin", "ONLY=this"}));
    const auto said = run.said();
    CHECK(said.starts_with(folder.path + "\nONLY=this\nPATH=/usr/bin:/bin\n"));
    CHECK_FALSE(said.contains("HOME="));
    const auto messages = run.messages();
    REQUIRE(messages.size() == 1);  // the report closes with exec
    CHECK(messages[0].word == Word::inside);
    CHECK(run.code() == 7);
    CHECK(os::read_file(folder.path + "/file").value() == "made\n");
}

TEST_CASE("what cannot be started says which step it was and why") {
    NEEDS("sandboxes");
    struct Case {
        std::string directory, program;
        Word word;
        int number;
    };
    for (const auto& [directory, program, word, number] :
         {Case{"/no/such/folder", "true", Word::directory, ENOENT}, Case{"/", "no-such-program", Word::execute, ENOENT},
          Case{"/", "/no/such/program", Word::execute, ENOENT}, Case{"/", "/etc/passwd", Word::execute, EACCES}}) {
        const auto run = start(task_of(directory, {}, {program}, plain));
        const auto messages = run.messages();
        REQUIRE(messages.size() == 2);
        CHECK(messages[0].word == Word::inside);
        CHECK(messages[1].word == word);
        CHECK(messages[1].value == number);
        CHECK(run.code() == 127);
    }
}

TEST_CASE("only the task's writable folders can be changed, where the kernel has Landlock") {
    NEEDS("sandboxes", "landlock");
    const Folder ours, theirs;
    const auto run =
        start(task_of("/", {ours.path}, {"sh", "-c", "echo a > " + ours.path + "/a; echo b > " + theirs.path + "/b"}, plain));
    (void)run.said();
    const auto messages = run.messages();
    REQUIRE(!messages.empty());
    CHECK(messages[0].value >= 1);
    (void)run.code();
    CHECK(std::filesystem::exists(ours.path + "/a"));
    CHECK_FALSE(std::filesystem::exists(theirs.path + "/b"));
}

TEST_CASE("asked to end, the worker gets SIGTERM; without its server, everything ends at once") {
    NEEDS("sandboxes");
    {
        const auto run =
            start(task_of("/", {}, {"sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"}, plain));
        char ready[6];
        REQUIRE(::read(run.output.number(), ready, sizeof ready) == 6);
        REQUIRE(::write(run.control.number(), &word_terminate, 1) == 1);
        CHECK(run.code() == 9);
    }
    auto run = start(task_of("/", {}, {"sh", "-c", "trap '' TERM; echo ready; sleep 60"}, plain));
    char ready[6];
    REQUIRE(::read(run.output.number(), ready, sizeof ready) == 6);
    run.control.close();
    CHECK(run.code() == 137);
    CHECK(run.said().empty());  // nobody holds the pipe any more
}

TEST_CASE("orphans are reaped") {
    NEEDS("sandboxes");
    const auto run =
        start(task_of("/", {}, {"sh", "-c", "(sleep 0.1 &) ; sleep 0.6; cat /proc/[0-9]*/stat | grep -c ' Z '"}, plain));
    CHECK(run.said() == "0\n");
    (void)run.messages();
    CHECK(run.code() == 1);  // grep's: none was found
}

TEST_CASE("commands of MPI run on a sibling, their code comes back, and the leader tells when all is done") {
    NEEDS("sandboxes");
    const std::string inside = TRAINWARDEN_INSIDE;
    const auto ran =
        os::run({.arguments = {"unshare", "--user", "--map-root-user", "--pid", "--net", "--mount-proc", "--fork", "--kill-child",
                               "sh", "-c",
                               "ip link set lo up; " + inside + " serve & serving=$!; " + inside + " rsh localhost echo from; " +
                                   inside + " rsh localhost exit 5; echo $?; " + inside + " rsh no-such-host true; echo $?; " +
                                   inside + " lead localhost -- true; echo $?; wait " + "$serving; echo $?; " + inside +
                                   " lead localhost -- sh -c 'exit 4'; echo $?"},
                 .error = os::Stdio::nothing()},
                std::chrono::seconds(60));
    REQUIRE(ran.has_value());
    CHECK(ran->output == "from\n5\n255\n0\n0\n4\n");
}

}  // namespace sandbox
