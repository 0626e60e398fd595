#include "model/services.hpp"

#include <algorithm>
#include <array>

#include "model/accessanalyzer/service.hpp"
#include "model/cloudtrail/service.hpp"
#include "model/iam/service.hpp"
#include "model/logs/service.hpp"
#include "model/monitoring/service.hpp"
#include "model/s3/service.hpp"
#include "model/s3control/service.hpp"
#include "model/sagemaker/service.hpp"
#include "model/sts/service.hpp"
#include "model/trainwarden/service.hpp"

namespace model {

std::span<const Service* const> services() {
    static constexpr auto all = std::to_array<const Service*>(
        {&iam::service, &sts::service, &s3::service, &s3control::service, &sagemaker::service, &logs::service,
         &monitoring::service, &cloudtrail::service, &accessanalyzer::service, &trainwarden::service});
    return all;
}

const Operation* find_operation(std::string_view signing_name, std::string_view operation) {
    for (const Service* service : services()) {
        if (service->signing_name != signing_name) continue;
        const auto found = std::ranges::lower_bound(service->operations, operation, {}, &Operation::name);
        if (found != service->operations.end() && (*found)->name == operation) return *found;
    }
    return nullptr;
}

}  // namespace model
