#include "server/quotas.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace server {

TEST_CASE("quotas are taken out of the limits, by name, and others are left") {
    std::vector<std::string> texts{"connections=5", "job-log-bytes=7", "volume-gigabytes=2", "object-leave-bytes=0", "no-such=1"};
    const auto quotas = take_quotas(texts);
    REQUIRE(quotas.has_value());
    CHECK(quotas->logs.job_bytes_max == 7);
    CHECK(quotas->jobs.volume_gigabytes_max == 2);
    CHECK(quotas->objects.disk_free_bytes_min == 0);
    CHECK(quotas->metadata.disk_free_bytes_min == 0);
    CHECK(quotas->logs.account_bytes_max == logs::Limits{}.account_bytes_max);
    CHECK(texts == std::vector<std::string>{"connections=5", "no-such=1"});
}

TEST_CASE("a quota is a number in its range") {
    for (const char* text :
         {"volume-gigabytes=", "volume-gigabytes=0", "volume-gigabytes=x", "volume-gigabytes=1x", "volume-gigabytes=-1",
          "volume-gigabytes=16385", "input-memory-bytes=1", "job-log-bytes=99999999999999999999"}) {
        std::vector<std::string> texts{text};
        const auto refused = take_quotas(texts);
        REQUIRE_FALSE_MESSAGE(refused.has_value(), text);
        CHECK(refused.error().code == "InvalidConfiguration");
        CHECK(refused.error().message.find(text) != std::string::npos);
    }
}

TEST_CASE("every quota has its own name") {
    auto names = quota_names();
    CHECK(names.size() > 10);
    std::ranges::sort(names);
    CHECK(std::ranges::adjacent_find(names) == names.end());
    for (const auto& name : names) {
        std::vector<std::string> texts{name + "=1073741824"};
        const auto taken = take_quotas(texts);
        CHECK((!taken || texts.empty()));
    }
}

}  // namespace server
