#include "lint/validate.hpp"

#include "lint/actions.hpp"
#include "lint/collector.hpp"
#include "lint/conditions.hpp"
#include "lint/document.hpp"
#include "lint/effect.hpp"
#include "lint/grammar.hpp"
#include "lint/principals.hpp"
#include "lint/resources.hpp"
#include "lint/statement.hpp"
#include "lint/variables.hpp"

namespace lint {

Report check(std::string_view document, const Options& options) {
    Collector out(options.limits);
    const Subject subject{options.type, options.resource_type};
    Node nothing;
    nothing.range = {0, document.size()};
    if (document.size() > options.limits.document_bytes_max) {
        check_size(document, subject, Place(nothing), out);
        out.unknown("all but its size: the document has more than " + std::to_string(options.limits.document_bytes_max) +
                    " bytes (document_bytes_max)");
        return std::move(out).finish(document);
    }
    const auto root = read_document(document);
    if (!root) {
        out.add_at(check_of("JSON_SYNTAX_ERROR"), "This is not JSON: " + root.error().what + ".", root.error().at);
        return std::move(out).finish(document);
    }
    check_size(document, subject, Place(nothing), out);
    const Document outlined = outline(*root, subject);
    check_grammar(outlined, out);
    check_actions(outlined, out);
    check_resources(outlined, out);
    check_principals(outlined, out);
    check_conditions(outlined, out);
    check_variables(outlined, out);
    check_wide_grants(outlined, out);
    check_redundant_statements(outlined, out);
    if (options.own_checks && outlined.root->is_object()) check_effect(outlined, document, out);
    return std::move(out).finish(document);
}

std::vector<Finding> validate(std::string_view document, PolicyType type, std::string_view resource_type, const Limits& limits) {
    return check(document, {.type = type, .resource_type = std::string(resource_type), .limits = limits}).findings;
}

}  // namespace lint
