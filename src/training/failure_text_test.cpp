// Which line of a worker's output is why it failed.
#include "training/failure_text.hpp"

#include <doctest/doctest.h>

#include "base/strings.hpp"
#include "training/python_text.hpp"

namespace training {
namespace {

std::string best(Launcher launcher, std::string_view output) {
    FailureText text(launcher);
    for (auto line : base::split(output, '\n')) text.line(line);
    return text.best();
}

}  // namespace

TEST_CASE("alone, the last line counts") {
    CHECK(best(Launcher::script, "a\nTraceback (most recent call last):\n  File\nValueError: caught\nlast words\n\n") == "last words");
    CHECK(best(Launcher::script, "") == "");
}

TEST_CASE("under mpirun the script's exception counts, not the launcher's banner") {
    CHECK(best(Launcher::mpi,
               "[1,0]<stdout>:epoch 1\n[1,1]<stderr>:Traceback (most recent call last):\n[1,1]<stderr>:  File \"t.py\", line 1\n"
               "[1,1]<stderr>:ValueError: bad rate\n[1,0]<stderr>:Killed by its sibling\n"
               "--------------------------------------------------------------------------\n"
               "mpirun detected that one or more processes exited with non-zero status\n  Exit code:    1\n"
               "--------------------------------------------------------------------------") == "ValueError: bad rate");
    CHECK(best(Launcher::mpi, "[1,0]<stderr>:no such file\n------\nPrimary job terminated normally") == "no such file");
    CHECK(best(Launcher::mpi, "There are not enough slots available") == "");
}

TEST_CASE("under torchrun what comes before its report counts") {
    CHECK(best(Launcher::torchrun,
               "epoch 1\nTraceback (most recent call last):\n  File\nKeyError: 'x'\n"
               "ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: 1)\nTraceback (most recent call last):\n"
               "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n=====\n") == "KeyError: 'x'");
}

TEST_CASE("values as Python writes them") {
    auto value = [](const char* json) { return *text::parse_json(json); };
    CHECK(python_argument(value("null")) == "");
    CHECK(python_argument(value("true")) == "True");
    CHECK(python_argument(value("1e-5")) == "1e-05");
    CHECK(python_argument(value("1e16")) == "1e+16");
    CHECK(python_argument(value("1E15")) == "1000000000000000.0");
    CHECK(python_argument(value("0.10")) == "0.1");
    CHECK(python_argument(value("-0")) == "0");
    CHECK(python_argument(value("-0.0")) == "-0.0");
    CHECK(python_argument(value(R"({"b": [1, "x"], "a": null})")) == "a=None,b=[1, 'x']");
    CHECK(python_argument(value(R"(["it's", "\"", "it's \"", "\n\u007f"])")) ==
          R"(["it's", '"', 'it\'s "', '\n\x7f'])");
    CHECK(python_variable(value(R"({"b": 1.0, "a": "\u00fc\ud83c\udf89"})")) == R"({"a":"\u00fc\ud83c\udf89","b":1.0})");
    CHECK(python_variable(value("\"text\"")) == "text");
}

}  // namespace training
