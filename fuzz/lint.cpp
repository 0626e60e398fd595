// Any bytes, as a policy of each type: there is an answer, its places are places of the document in rising order, and what is no JSON to one reader is
// none to the other.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/invariant.hpp"
#include "lint/account.hpp"
#include "lint/document.hpp"
#include "lint/validate.hpp"
#include "text/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view document(reinterpret_cast<const char*>(data), size);
    const bool read = lint::read_document(document).has_value();
    // The other reader takes no repeated names.
    INVARIANT(read || !text::parse_json(document));
    using lint::PolicyType;
    for (const auto& [type, resource_type] : {std::pair{PolicyType::identity, ""},
                                              {PolicyType::resource, "AWS::S3::Bucket"},
                                              {PolicyType::resource, "AWS::IAM::AssumeRolePolicyDocument"},
                                              {PolicyType::service_control, ""},
                                              {PolicyType::resource_control, ""}}) {
        const auto report =
            lint::check(document, {.type = type, .resource_type = resource_type, .limits = {.questions_max = 20}});
        INVARIANT(read || !report.findings.empty());
        uint32_t before = 0;
        for (const lint::Finding& finding : report.findings) {
            INVARIANT(!finding.code.empty() && !finding.details.empty() && !finding.locations.empty());
            const lint::Position start = finding.locations.front().span.start;
            INVARIANT(start.offset >= before);
            before = start.offset;
            for (const lint::Location& location : finding.locations)
                INVARIANT(location.span.start.offset <= location.span.end.offset && location.span.end.offset <= size);
        }
    }
    (void)lint::guess("fuzzed", std::string(document));
    return 0;
}
