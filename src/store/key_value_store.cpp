#include "store/key_value_store.hpp"

#include <utility>

#include "base/error_codes.hpp"

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

base::Result<void> KeyValueStore::checkpoint(const std::string& directory) {
    return base::fail(base::code::NotImplemented, "nothing of this store is on disk that could be in `" + directory + "`");
}

}  // namespace store
