#include "services/iam/page.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "text/base64.hpp"

namespace services::iam {
namespace {

constexpr int32_t items_default = 100;
constexpr int32_t items_max = 1000;

}  // namespace

base::Result<Page> Page::make(const std::optional<std::string>& marker, std::optional<int32_t> max_items) {
    Page out;
    out.room_ = static_cast<size_t>(std::clamp(max_items.value_or(items_default), 1, items_max));
    if (marker) {
        auto key = text::decode_base64(*marker);
        if (!key || key->empty()) return base::fail(base::code::ValidationError, "Invalid Marker.");
        out.after_ = std::move(*key);
    }
    return out;
}

bool Page::has_room_for(std::string key) {
    truncated_ = room_ == 0;
    if (truncated_) return false;
    --room_;
    last_ = std::move(key);
    return true;
}

std::vector<size_t> Page::places(const std::vector<std::string_view>& keys) {
    std::vector<size_t> behind;
    for (size_t place = 0; place < keys.size(); ++place)
        if (keys[place] > after_) behind.push_back(place);
    std::ranges::sort(behind, {}, [&](size_t place) { return keys[place]; });
    std::vector<size_t> out;
    for (const size_t place : behind) {
        if (!has_room_for(std::string(keys[place]))) break;
        out.push_back(place);
    }
    return out;
}

std::string Page::marker() const { return text::encode_base64(last_); }

}  // namespace services::iam
