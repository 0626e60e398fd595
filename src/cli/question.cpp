#include "cli/question.hpp"

#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace cli {

base::Result<void> set_context(text::Json& input, const std::vector<std::string>& context) {
    for (const std::string& entry : context) {
        const size_t equals = entry.find('=');
        if (equals == std::string::npos || equals == 0) return base::fail(base::code::Usage, "`" + entry + "` is not KEY=VALUE");
        text::Json values = text::Json::array();
        for (std::string_view value : base::split(std::string_view(entry).substr(equals + 1), ',')) values.push(value);
        text::Json item = text::Json::object({{"Key", entry.substr(0, equals)}, {"Values", std::move(values)}});
        if (!input.contains("Context")) input.set("Context", text::Json::array());
        input.find("Context")->push(std::move(item));
    }
    return {};
}

}  // namespace cli
