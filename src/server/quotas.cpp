#include "server/quotas.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include "base/error_codes.hpp"

namespace server {
namespace {

struct One {
    std::string_view name;
    std::function<void(Quotas&, uint64_t)> set;
    uint64_t least, most;
};

const std::vector<One>& all() {
    constexpr uint64_t bytes = uint64_t{1} << 60, mib = 1u << 20;
    constexpr uint64_t days28 = 28u * 86'400;
    static const std::vector<One> list{
        {"volume-gigabytes", [](Quotas& all, uint64_t n) { all.jobs.volume_gigabytes_max = n; }, 1, 16'384},
        {"jobs-bytes", [](Quotas& all, uint64_t n) { all.jobs.jobs_bytes_max = n; }, mib, bytes},
        {"jobs-leave-bytes", [](Quotas& all, uint64_t n) { all.jobs.disk_free_bytes_min = n; }, 0, bytes},
        {"kept-bytes", [](Quotas& all, uint64_t n) { all.jobs.kept_bytes_max = n; }, 0, bytes},
        {"artifact-bytes", [](Quotas& all, uint64_t n) { all.jobs.artifact_bytes_max = n; }, 1, uint64_t{1} << 40},
        {"upload-seconds", [](Quotas& all, uint64_t n) { all.jobs.artifact_time_max = std::chrono::seconds(n); }, 1, days28},
        {"upload-seconds-after-end", [](Quotas& all, uint64_t n) { all.jobs.stopped_upload_max = std::chrono::seconds(n); }, 1,
         days28},
        {"input-memory-bytes", [](Quotas& all, uint64_t n) { all.jobs.input_memory_bytes_max = n; }, 16 * mib, uint64_t{1} << 40},
        {"input-open-files", [](Quotas& all, uint64_t n) { all.jobs.input_files_open_max = n; }, 1, 1u << 24},
        {"job-log-bytes", [](Quotas& all, uint64_t n) { all.logs.job_bytes_max = n; }, 1, bytes},
        {"job-log-bytes-per-second", [](Quotas& all, uint64_t n) { all.logs.job_bytes_per_second_max = n; }, 1,
         uint64_t{1} << 40},
        {"account-log-bytes", [](Quotas& all, uint64_t n) { all.logs.account_bytes_max = n; }, 1, bytes},
        {"account-log-bytes-per-second", [](Quotas& all, uint64_t n) { all.logs.account_bytes_per_second_max = n; }, 1,
         uint64_t{1} << 40},
        {"account-log-streams", [](Quotas& all, uint64_t n) { all.logs.account_streams_max = n; }, 1, uint64_t{1} << 32},
        {"log-bytes", [](Quotas& all, uint64_t n) { all.logs.bytes_max = n; }, 1, bytes},
        {"object-bytes", [](Quotas& all, uint64_t n) { all.objects.bytes_max = n; }, 1, bytes},
        {"object-leave-bytes",
         [](Quotas& all, uint64_t n) { all.objects.disk_free_bytes_min = all.metadata.disk_free_bytes_min = n; }, 0, bytes},
        {"metadata-bytes", [](Quotas& all, uint64_t n) { all.metadata.bytes_max = n; }, 256 * mib, bytes},
    };
    return list;
}

}  // namespace

std::vector<std::string> quota_names() {
    std::vector<std::string> names;
    for (const auto& one : all()) names.emplace_back(one.name);
    return names;
}

base::Result<Quotas> take_quotas(std::vector<std::string>& texts) {
    Quotas out;
    std::vector<std::string> others;
    for (auto& text : texts) {
        const auto equals = text.find('=');
        const auto one = std::ranges::find(all(), std::string_view(text).substr(0, equals), &One::name);
        if (one == all().end() || equals == std::string::npos) {
            others.push_back(std::move(text));
            continue;
        }
        uint64_t value = 0;
        const char* end = text.data() + text.size();
        const auto read = std::from_chars(text.data() + equals + 1, end, value);
        if (read.ec != std::errc() || read.ptr != end || value < one->least || value > one->most) {
            return base::fail(base::code::InvalidConfiguration, "--limit " + text + ": a number from " +
                                                                    std::to_string(one->least) + " to " +
                                                                    std::to_string(one->most) + " is meant");
        }
        one->set(out, value);
    }
    texts = std::move(others);
    return out;
}

}  // namespace server
