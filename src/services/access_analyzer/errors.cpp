#include "services/access_analyzer/errors.hpp"

#include <string_view>
#include <utility>

#include "base/error_codes.hpp"

namespace services::access_analyzer {
namespace {

// Error codes that no other service here has.
constexpr char conflict_code[] = "ConflictException";
constexpr char quota_code[] = "ServiceQuotaExceededException";

struct Words {
    std::string_view text, type;
};
Words words_of(Thing what) {
    switch (what) {
        case Thing::analyzer:
            return {"analyzer", "Analyzer"};
        case Thing::archive_rule:
            return {"archive rule", "ArchiveRule"};
        case Thing::finding:
            return {"finding", "Finding"};
        case Thing::access_preview:
            return {"access preview", "AccessPreview"};
        case Thing::policy_generation:
            return {"policy generation", "PolicyGeneration"};
        case Thing::recommendation:
            return {"recommendation for the finding", "Recommendation"};
        case Thing::resource:
            break;
    }
    return {"resource", "Resource"};
}

// Members of the error (wire/errors.hpp).
base::Error of_resource(std::string code, Thing what, const std::string& id, std::string message) {
    base::Error out(std::move(code), std::move(message));
    out.notes = {"resourceId: " + id, "resourceType: " + std::string(words_of(what).type)};
    return out;
}

}  // namespace

base::Error no_such(Thing what, const std::string& name) {
    return of_resource(base::code::ResourceNotFoundException, what, name,
                       "The " + std::string(words_of(what).text) + " " + name + " does not exist.");
}

base::Error conflict(Thing what, const std::string& name, std::string message) {
    return of_resource(conflict_code, what, name, std::move(message));
}

base::Error quota_exceeded(Thing what, const std::string& name, std::string message) {
    return of_resource(quota_code, what, name, std::move(message));
}

base::Error too_many_rules(const std::string& analyzer, size_t most) {
    return quota_exceeded(Thing::archive_rule, analyzer, "An analyzer has at most " + std::to_string(most) + " archive rules.");
}

std::unexpected<base::Error> invalid_field(const std::string& field, const std::string& message) {
    return base::fail(base::Error(base::code::ValidationException, message).note("fieldList: " + field + ": " + message));
}

std::unexpected<base::Error> invalid(const std::string& message) { return base::fail(base::code::ValidationException, message); }

std::unexpected<base::Error> not_supported(const std::string& message) {
    return base::fail(base::Error(base::code::ValidationException, message).note("reason: notSupported"));
}

}  // namespace services::access_analyzer
