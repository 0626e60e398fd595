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
    CHECK(best(Launcher::script, "a\nTraceback (most recent call last):\n  File\nValueError: caught\nlast words\n\n") ==
          "last words");
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
    CHECK(best(Launcher::mpi, "-----\nThere are not enough slots available\nin the system\n-----") ==
          "There are not enough slots available in the system");
}

TEST_CASE("under mpirun every piece that a process writes is tagged") {
    CHECK(best(Launcher::mpi,
               "[1,0]<stderr>:Traceback (most recent call last):\n[1,0]<stderr>:  File \"imp.py\", line 1, in <module>\n"
               "[1,0]<stderr>:ModuleNotFoundError[1,0]<stderr>:: [1,0]<stderr>:No module named 'x'\n-----\n") ==
          "ModuleNotFoundError: No module named 'x'");
    // Pieces of several processes on one line.
    CHECK(best(Launcher::mpi,
               "[1,1]<stderr>:Traceback (most recent call last):\n[1,1]<stderr>:Value[1,0]<stdout>:rank 0\n"
               "[1,1]<stderr>:Error: bad\n") == "ValueError: bad");
    // What is not a tag is the script's.
    CHECK(best(Launcher::mpi, "[1,0]<stderr>:see [1,2] and [x]<stderr>:") == "see [1,2] and [x]<stderr>:");
}

TEST_CASE("under mpirun what another stream or another process says does not end a traceback") {
    CHECK(best(Launcher::mpi,
               "[1,1]<stderr>:Traceback (most recent call last):\n[1,1]<stdout>:rank 1\n[1,0]<stdout>:rank 0\n"
               "[1,1]<stderr>:  File \"t.py\"\n[1,0]<stderr>:a warning\n[1,1]<stderr>:ValueError: boom\n") == "ValueError: boom");
    // The process that failed is the one that mpirun names, not one that printed what it had caught.
    CHECK(best(Launcher::mpi,
               "[1,0]<stderr>:Traceback (most recent call last):\n[1,0]<stderr>:KeyError: caught\n[1,1]<stdout>:loss 1\n"
               "[1,1]<stderr>:out of data\n-----\n  Process name: [[35633,1],1]\n  Exit code:    7\n-----\n") == "out of data");
    CHECK(best(Launcher::mpi, "-----\n  Process name: [[35633,1],1]\n  Exit code:    7\n-----\n") ==
          "rank 1 exited with 7 and wrote nothing");
}

TEST_CASE("of chained exceptions the last counts, with all lines of its message") {
    const std::string chained =
        "Traceback (most recent call last):\n  File \"t.py\"\nZeroDivisionError: division by zero\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n  File \"t.py\"\nRuntimeError: outer\nmore\n";
    std::string tagged;
    for (auto line : base::split(chained, '\n')) tagged += "[1,0]<stderr>:" + std::string(line) + "\n";
    CHECK(best(Launcher::mpi, tagged) == "RuntimeError: outer\nmore");
    CHECK(best(Launcher::torchrun, chained + "Traceback (most recent call last):\nEOFError: of another process\n") ==
          "RuntimeError: outer\nmore");
    // What is printed when the interpreter ends comes after it.
    CHECK(best(Launcher::mpi, tagged + "[1,0]<stderr>:bye\n").starts_with("RuntimeError: outer\nmore"));
}

TEST_CASE("of a process that a signal ended, the signal is told") {
    CHECK(best(Launcher::mpi,
               "[1,0]<stdout>:epoch 1\n-----\nmpirun noticed that process rank 0 with PID 0 on node algo-1 exited on signal 11 "
               "(Segmentation fault).\n-----\n") == "rank 0 was ended by signal 11 (Segmentation fault)");
    CHECK(best(Launcher::torchrun,
               "ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: -11)\nTraceback (most recent call last):\n"
               "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n=====\nsig.py FAILED\n-----\n"
               "Root Cause (first observed failure):\n[0]:\n  time      : now\n  rank      : 1 (local_rank: 1)\n"
               "  exitcode  : -11 (pid: 9)\n  error_file: <N/A>\n  traceback : Signal 11 (SIGSEGV) received by PID 9\n=====\n") ==
          "rank 1 was ended by signal 11 (SIGSEGV)");
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
    CHECK(python_argument(value(R"(["it's", "\"", "it's \"", "\n\u007f"])")) == R"(["it's", '"', 'it\'s "', '\n\x7f'])");
    CHECK(python_variable(value(R"({"b": 1.0, "a": "\u00fc\ud83c\udf89"})")) == R"({"a":"\u00fc\ud83c\udf89","b":1.0})");
    CHECK(python_variable(value("\"text\"")) == "text");
}

}  // namespace training
