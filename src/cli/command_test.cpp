// The rules of the command line: targets, defaults, repeated options, nested commands, exit statuses.
#include "cli/command.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using cli::Command;

namespace {

struct Seen {
    std::string name = "dev", file, folder = "default";
    std::vector<std::string> sets, words, rest;
    int64_t count = 3;
    bool yes = false;
    int ran = 0;
};

int run(Seen& seen, std::vector<const char*> arguments, base::Result<int> result = 0) {
    arguments.insert(arguments.begin(), "trainwarden");
    return cli::run(static_cast<int>(arguments.size()), arguments.data(), {[&](Command& root) {
                        Command make = root.subcommand("make", "makes");
                        make.option("-n,--name", "NAME", seen.name, "its name");
                        make.option("-s,--set", "K=V", seen.sets, "sets");
                        make.option("--count", "N", seen.count, "how many");
                        make.flag("-y,--yes", seen.yes, "yes");
                        make.positional("file", seen.file, "a file");
                        make.positional("words", seen.words, "words");
                        make.action([&seen, result]() -> base::Result<int> {
                            ++seen.ran;
                            return result;
                        });
                        Command group = root.subcommand("group", "has more below");
                        Command inner = group.subcommand("inner", "below");
                        inner.action([&seen]() -> base::Result<int> {
                            ++seen.ran;
                            return 7;
                        });
                        Command own = root.subcommand("own", "has a data folder");
                        own.data_folder(seen.folder);
                        own.action([&seen]() -> base::Result<int> {
                            ++seen.ran;
                            return 0;
                        });
                        Command asks = root.subcommand("asks", "asks a server");
                        asks.asks_server();
                        asks.action([&seen]() -> base::Result<int> {
                            ++seen.ran;
                            return 0;
                        });
                        Command thrown = root.subcommand("throw", "does what the standard library does");
                        thrown.action([]() -> base::Result<int> {
                            return static_cast<int>(std::filesystem::file_size("/no such folder/file"));
                        });
                        Command with = root.subcommand("with", "passes the rest on");
                        with.rest(seen.rest);
                        with.action([&seen]() -> base::Result<int> {
                            ++seen.ran;
                            return 0;
                        });
                    }});
}

}  // namespace

TEST_CASE("options, flags and positionals reach their targets") {
    Seen seen;
    CHECK(run(seen, {"make", "-n", "x", "--set", "a=1", "f.txt", "--set", "b=2", "--count", "9", "-y", "w1", "w2"}) == 0);
    CHECK(seen.ran == 1);
    CHECK(seen.name == "x");
    CHECK(seen.sets == std::vector<std::string>{"a=1", "b=2"});
    CHECK(seen.file == "f.txt");
    CHECK(seen.words == std::vector<std::string>{"w1", "w2"});
    CHECK(seen.count == 9);
    CHECK(seen.yes);
}

TEST_CASE("a repeated option takes one value a use, so a positional may follow") {
    Seen seen;
    CHECK(run(seen, {"make", "-s", "a=1", "f.txt"}) == 0);
    CHECK(seen.sets == std::vector<std::string>{"a=1"});
    CHECK(seen.file == "f.txt");
}

TEST_CASE("defaults stay") {
    Seen seen;
    CHECK(run(seen, {"make", "f"}) == 0);
    CHECK(seen.name == "dev");
    CHECK(seen.count == 3);
    CHECK_FALSE(seen.yes);
}

TEST_CASE("exit statuses: 2 for usage, 1 for an error, else the action's") {
    Seen seen;
    CHECK(run(seen, {"make"}) == 2);
    CHECK(run(seen, {"make", "--nonsense", "f"}) == 2);
    CHECK(run(seen, {}) == 2);
    CHECK(run(seen, {"group"}) == 2);
    CHECK(seen.ran == 0);
    CHECK(run(seen, {"group", "inner"}) == 7);
    CHECK(run(seen, {"make", "f"}, base::fail("Broken", "it broke")) == 1);
    CHECK(run(seen, {"throw"}) == 1);
    CHECK(run(seen, {"make", "--help"}) == 0);
    CHECK(run(seen, {"help", "make"}) == 0);
    CHECK(run(seen, {"help"}) == 0);
    CHECK(run(seen, {"help", "nonsense"}) == 2);
    CHECK(run(seen, {"nonsense", "--help"}) == 2);
    CHECK(run(seen, {"group", "nonsense", "--help"}) == 2);
}

TEST_CASE("rest is untouched") {
    Seen seen;
    CHECK(run(seen, {"with", "ls", "--long", "-x"}) == 0);
    CHECK(seen.rest == std::vector<std::string>{"ls", "--long", "-x"});
}

TEST_CASE("--data before a command and behind it is one thing, and is refused where it means nothing") {
    for (const auto& words : std::vector<std::vector<const char*>>{
             {"--data", "f", "own"}, {"own", "--data", "f"}, {"--data=f", "own"}, {"--data", "f", "own", "--data", "f"}}) {
        Seen seen;
        CHECK(run(seen, words) == 0);
        CHECK(seen.folder == "f");
    }
    Seen seen;
    CHECK(run(seen, {"own"}) == 0);
    CHECK(seen.folder == "default");
    CHECK(run(seen, {"asks"}) == 0);
    seen.ran = 0;
    CHECK(run(seen, {"--data", "f", "own", "--data", "g"}) == 2);
    CHECK(run(seen, {"--data", "", "own"}) == 2);
    CHECK(run(seen, {"own", "--data", ""}) == 2);
    CHECK(run(seen, {"--data", "f", "group", "inner"}) == 2);
    CHECK(run(seen, {"group", "inner", "--data", "f"}) == 2);
    CHECK(run(seen, {"--data", "/no such folder", "asks"}) == 1);
    CHECK(run(seen, {"asks", "--data", "/no such folder"}) == 1);
    CHECK(seen.ran == 0);
}
