#include "base/invariant.hpp"
#include "gate/gate.hpp"

namespace gate {

void Registry::add(Operation operation) {
    INVARIANT(operation.begin != nullptr);
    operation.number = operations_.size();
    auto key = std::make_pair(operation.service, operation.name);
    const bool added = operations_.emplace(std::move(key), std::move(operation)).second;
    INVARIANT(added);
}

const Operation* Registry::find(std::string_view service, std::string_view name) const {
    const auto found = operations_.find(std::pair(std::string(service), std::string(name)));
    return found == operations_.end() ? nullptr : &found->second;
}

std::vector<const Operation*> Registry::all() const {
    std::vector<const Operation*> out;
    for (const auto& [key, operation] : operations_) out.push_back(&operation);
    return out;
}

}  // namespace gate
