#include "cli/question.hpp"

#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace cli {

using model::trainwarden::ContextEntry;

base::Result<std::optional<std::vector<ContextEntry>>> context_of(const std::vector<std::string>& said) {
    if (said.empty()) return std::nullopt;
    std::vector<ContextEntry> out;
    for (const std::string& entry : said) {
        const size_t equals = entry.find('=');
        if (equals == std::string::npos || equals == 0) return base::fail(base::code::Usage, "`" + entry + "` is not KEY=VALUE");
        ContextEntry read{.key = entry.substr(0, equals), .values = {}};
        read.values.emplace_back();
        for (size_t at = equals + 1; at < entry.size(); ++at) {
            const bool is_escaped = entry[at] == '\\' && at + 1 < entry.size() && entry[at + 1] == ',';
            if (entry[at] == ',')
                read.values.emplace_back();
            else
                read.values.back() += entry[is_escaped ? ++at : at];
        }
        out.push_back(std::move(read));
    }
    return out;
}

base::Result<wire::ClientOptions> client_options(const std::string& region) {
    wire::ClientOptions options = TRY(wire::options_from_environment());
    if (!region.empty()) options.region = region;
    return options;
}

}  // namespace cli
