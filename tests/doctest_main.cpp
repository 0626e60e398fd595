// main() of every room's tests. A test case that asserts nothing fails: it would pass whatever the code does. One that this
// machine cannot run says so by NEEDS (machine.hpp), and is counted. One that waits for what never comes is ended by a deadline:
// no wait in a test needs its own.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "machine.hpp"

namespace {

constexpr unsigned test_seconds_max = 300;

struct Skip {
    std::string test, why;
};

std::vector<Skip> skips;
std::vector<std::string> empty_tests;
std::string running;
bool skipped = false;

// Only what is async-signal-safe.
void end_late_test(int) {
    for (const char* part : {"FAILED: the test case still ran at its deadline: ", running.c_str(), "\n"}) {
        const ssize_t ignored = ::write(2, part, ::strlen(part));
        (void)ignored;
    }
    ::_exit(1);
}

// Why this machine cannot, empty if it can.
std::string ask_machine(const std::string& need) {
    static std::map<std::string, std::string> known;
    if (auto found = known.find(need); found != known.end()) return found->second;
    std::string said;
    FILE* answer = ::popen(("/usr/bin/python3 tests/machine.py " + need).c_str(), "r");
    if (answer == nullptr) throw std::runtime_error("cannot run tests/machine.py");
    char buffer[512];
    while (::fgets(buffer, sizeof buffer, answer) != nullptr) said += buffer;
    const int status = ::pclose(answer);
    if (status != 0 && said.empty()) throw std::runtime_error("tests/machine.py failed; tests run in the source folder");
    while (said.ends_with('\n')) said.pop_back();
    return known[need] = said;
}

struct Listener : doctest::IReporter {
    explicit Listener(const doctest::ContextOptions&) {}
    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats&) override {}
    void test_case_start(const doctest::TestCaseData& test) override {
        running = test.m_name;
        skipped = false;
        ::alarm(test_seconds_max);
    }
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
        ::alarm(0);
        if (!skipped && stats.numAssertsCurrentTest == 0 && stats.failure_flags == 0) empty_tests.push_back(running);
    }
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("skips", 1, Listener);

// One line a skip, where `make test` counts those of all programs.
void write_skips(const char* path) {
    const int file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    for (const auto& [test, why] : skips) {
        const std::string line = std::string(program_invocation_short_name) + ": " + test + ": " + why + "\n";
        if (file < 0 || ::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::perror(path);
    }
    if (file >= 0) ::close(file);
}

}  // namespace

bool machine::lacks_one_of(std::initializer_list<const char*> needs) {
    for (const char* need : needs) {
        if (std::string why = ask_machine(need); !why.empty()) {
            skipped = true;
            skips.push_back({running, why});
            return true;
        }
    }
    return false;
}

bool machine::has(const char* need) { return ask_machine(need).empty(); }

int main(int count, char** words) {
    ::signal(SIGALRM, end_late_test);
    doctest::Context context(count, words);
    int status = context.run();
    if (context.shouldExit()) return status;
    for (const auto& test : empty_tests) {
        ::fprintf(stderr, "FAILED: the test case asserted nothing: %s\n", test.c_str());
        status = 1;
    }
    for (const auto& [test, why] : skips) ::printf("skipped: %s: %s\n", test.c_str(), why.c_str());
    if (const char* path = ::getenv("TRAINWARDEN_SKIPS"); path != nullptr && !skips.empty()) write_skips(path);
    return status;
}
