#include "cli/running_server.hpp"

#include <fcntl.h>
#include <linux/capability.h>

#include <cstdint>
#include <cstdlib>
#include <sstream>

#include "os/file.hpp"

namespace cli {
namespace {

// What stands behind `name` at the begin of a line.
std::string value_of(const std::string& text, const std::string& name) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name)) continue;
        const size_t begin = line.find_first_not_of(" \t", name.size());
        return begin == std::string::npos ? "" : line.substr(begin);
    }
    return "";
}

}  // namespace

std::optional<RunningServer> running_server(const std::string& data) {
    const auto lock = os::open_file(data + "/lock", O_RDONLY);
    struct flock holder{};
    holder.l_type = F_WRLCK;
    if (!lock || ::fcntl(lock->number(), F_GETLK, &holder) != 0 || holder.l_type == F_UNLCK || holder.l_pid <= 0)
        return std::nullopt;
    const std::string process = "/proc/" + std::to_string(holder.l_pid);
    const auto status = os::read_file(process + "/status"), limits = os::read_file(process + "/limits");
    if (!status || !limits) return std::nullopt;
    const uint64_t bounding = std::strtoull(value_of(*status, "CapBnd:").c_str(), nullptr, 16);
    const uint64_t permitted = std::strtoull(value_of(*status, "CapPrm:").c_str(), nullptr, 16);
    RunningServer server{.process = holder.l_pid};
    const auto [soft, hard] = [&] {
        std::istringstream words(value_of(*limits, "Max core file size"));
        std::pair<std::string, std::string> both;
        words >> both.first >> both.second;
        return both;
    }();
    server.may_be_dumped = soft != "0" || hard != "0";
    server.new_privileges = value_of(*status, "NoNewPrivs:") != "1";
    server.all_capabilities = ((permitted != 0 ? bounding : permitted) >> CAP_SYS_MODULE & 1) != 0;
    return server;
}

}  // namespace cli
