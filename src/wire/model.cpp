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
    static constexpr std::array<const ServiceModel*, 8> all = {
        &tables::iam,        &tables::sts,        &tables::sagemaker,      &tables::logs,
        &tables::cloudwatch, &tables::cloudtrail, &tables::accessanalyzer, &tables::trainwarden};
    return all;
}

std::optional<RpcPath> read_rpc_path(std::string_view path) {
    constexpr std::string_view service = "/service/", operation = "/operation/";
    const auto second = path.rfind(operation);
    if (second == std::string_view::npos) return std::nullopt;
    const auto first = path.substr(0, second).rfind(service);
    if (first == std::string_view::npos) return std::nullopt;
    const auto name_at = first + service.size();
    if (name_at >= second) return std::nullopt;
    const RpcPath out{path.substr(name_at, second - name_at), path.substr(second + operation.size())};
    const auto is_name = [](std::string_view text) { return !text.empty() && text.find('/') == std::string_view::npos; };
    return is_name(out.service) && is_name(out.operation) ? std::optional(out) : std::nullopt;
}

bool says_cbor(const http::RequestHead& head) {
    return head.method == "POST" && head.headers.get("smithy-protocol") == "rpc-v2-cbor" && read_rpc_path(head.path);
}

Protocol protocol_of(const ServiceModel& service, const http::RequestHead& head) {
    if (service.rpc_v2_cbor && says_cbor(head)) return Protocol::cbor;
    return service.query_compatible && head.headers.find("X-Amz-Target") ? Protocol::json : service.protocol;
}

const ServiceModel* find_service(std::string_view signing_name) {
    for (const auto* service : service_models())
        if (service->signing_name == signing_name) return service;
    return nullptr;
}

}  // namespace wire
