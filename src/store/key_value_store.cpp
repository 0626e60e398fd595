#include "store/key_value_store.hpp"

#include <utility>

namespace store {

Batch& Batch::put(std::string key, std::string value) {
    writes_.push_back({std::move(key), std::move(value)});
    return *this;
}

Batch& Batch::erase(std::string key) {
    writes_.push_back({std::move(key), std::nullopt});
    return *this;
}

Batch& Batch::expect(std::string key, std::optional<std::string> value) {
    expectations_.push_back({std::move(key), std::move(value)});
    return *this;
}

}  // namespace store
