// Reads filter patterns; what they mean is in filter.hpp. All errors are `InvalidParameterException`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "services/logs/filter.hpp"

namespace services::logs {

class PatternReader {
public:
    explicit PatternReader(std::string_view pattern) : pattern_(pattern) {}

    // After spaces.
    [[nodiscard]] bool at_end();
    [[nodiscard]] bool skip(std::string_view word);

    [[nodiscard]] base::Result<Matcher> term();  // bare, "quoted" or %regex%
    [[nodiscard]] base::Result<Condition> json_pattern();

    struct Fields {
        std::vector<std::string> names;
        std::optional<size_t> ellipsis;
        std::vector<Condition> conditions;
    };
    [[nodiscard]] base::Result<Fields> fields_pattern();

private:
    using ReadPlace = std::function<base::Result<std::vector<std::string>>()>;
    [[nodiscard]] base::Result<Condition> any_of(const ReadPlace& place, int depth);
    [[nodiscard]] base::Result<Condition> all_of(const ReadPlace& place, int depth);
    [[nodiscard]] base::Result<Condition> one(const ReadPlace& place, int depth);
    [[nodiscard]] base::Result<Condition> comparison(std::vector<std::string> place);
    [[nodiscard]] base::Result<std::vector<std::string>> selector();
    [[nodiscard]] base::Result<std::string> name();
    [[nodiscard]] base::Result<std::string> until(char close);
    void spaces();
    [[nodiscard]] std::unexpected<base::Error> invalid(const std::string& what) const;

    std::string_view pattern_;
    size_t at_ = 0;
};

}  // namespace services::logs
