#include "model/reader.hpp"

namespace model {

namespace {

constexpr size_t shown_bytes_max = 1024;  // of a value, in a message

std::string decapitalised(std::string_view name) {
    std::string out(name);
    if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] - 'A' + 'a');
    return out;
}

std::string joined(std::string above, const std::string& name) { return above.empty() ? name : std::move(above) + "." + name; }

}  // namespace

std::string path_of(const Place& place) {
    if (!place.above) return {};
    return joined(path_of(*place.above), place.number > 0 ? std::to_string(place.number) : std::string(place.name));
}

std::string lower_path_of(const Place& place) {
    if (!place.above) return {};
    auto above = lower_path_of(*place.above);
    if (place.is_member) return joined(std::move(above), decapitalised(place.name));
    return joined(std::move(above), (place.number > 0 ? std::to_string(place.number) : std::string(place.name)) + ".member");
}

std::string shortened(std::string shown) {
    if (shown.size() <= shown_bytes_max) return shown;
    size_t end = shown_bytes_max;
    while ((static_cast<unsigned char>(shown[end]) & 0xc0) == 0x80) --end;  // not inside a character
    return shown.substr(0, end) + "...";
}

base::Error validation_error(const Service& service, const std::vector<std::string>& found) {
    std::string message =
        std::to_string(found.size()) + (found.size() == 1 ? " validation error" : " validation errors") + " detected: ";
    for (size_t i = 0; i < found.size(); ++i) message += (i > 0 ? "; " : "") + found[i];
    return {std::string(service.validation_error), std::move(message)};
}

}  // namespace model
