#include "server/process_figures.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace server {
namespace {

std::string content(const char* path) {
    std::ifstream file(path);
    std::stringstream out;
    out << file.rdbuf();
    return out.str();
}

// Since the machine was started; `btime` of /proc/stat.
double boot_seconds() {
    std::istringstream lines(content("/proc/stat"));
    std::string line;
    while (std::getline(lines, line))
        if (line.starts_with("btime ")) return std::stod(line.substr(6));
    return 0;
}

}  // namespace

// Source: proc(5), /proc/[pid]/stat: fields 14 and 15 (utime, stime), 20 (num_threads), 22 (starttime), 23 (vsize), 24 (rss).
ProcessFigures process_figures() {
    ProcessFigures out;
    const std::string stat = content("/proc/self/stat");
    // The name in brackets may hold anything: what is behind the last bracket begins with field 3.
    std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
    std::string skipped;
    const auto skip = [&](int count) {
        for (int i = 0; i < count; ++i) fields >> skipped;
    };
    uint64_t user = 0, system = 0, started = 0, pages = 0;
    skip(11);
    fields >> user >> system;
    skip(4);
    fields >> out.threads >> skipped >> started >> out.virtual_bytes >> pages;
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    out.cpu_seconds = static_cast<double>(user + system) / ticks;
    out.start_seconds = boot_seconds() + static_cast<double>(started) / ticks;
    out.resident_bytes = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    std::error_code error;
    for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end; at.increment(error))
        ++out.open_files;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.open_files_max = limit.rlim_cur;
    return out;
}

}  // namespace server
