#include "wire/model.hpp"

#include <algorithm>
#include <array>

#include "wire/model_tables.hpp"

namespace wire {

const OperationModel* ServiceModel::find(std::string_view operation) const {
    const auto found = std::ranges::lower_bound(operations, operation, {}, &OperationModel::name);
    return found != operations.end() && found->name == operation ? &*found : nullptr;
}

bool ServiceModel::is_known_elsewhere(std::string_view operation) const {
    return std::ranges::binary_search(other_operations, operation);
}

std::span<const ServiceModel* const> service_models() {
    static constexpr std::array<const ServiceModel*, 6> all = {&tables::iam,  &tables::sts,        &tables::sagemaker,
                                                               &tables::logs, &tables::cloudwatch, &tables::trainwarden};
    return all;
}

Protocol protocol_of(const ServiceModel& service, const http::RequestHead& head) {
    return service.query_compatible && head.headers.find("X-Amz-Target") ? Protocol::json : service.protocol;
}

const ServiceModel* find_service(std::string_view signing_name) {
    for (const auto* service : service_models())
        if (service->signing_name == signing_name) return service;
    return nullptr;
}

}  // namespace wire
