#include "lint/actions.hpp"

#include <map>

#include "base/strings.hpp"
#include "lint/words.hpp"
#include "policy/catalogue.hpp"
#include "policy/vocabulary.hpp"

namespace lint {

namespace {

class Actions {
public:
    Actions(const Document& document, Collector& out) : document_(document), out_(out), work_(out.limits().comparisons_max) {}

    void check() {
        for (const Statement& statement : document_.statements) {
            if (document_.subject.type == PolicyType::resource_control && statement.actions.negated)
                out_.add(check_of("RCP_SYNTAX_ERROR_NOTACTION"),
                         "A resource control policy has no NotAction: name the actions in Action.",
                         statement.place.key(*statement.actions.member));
            for (const Item& item : statement.actions.items) check_action(item);
            check_redundant(statement);
        }
        if (work_ == 0) out_.unknown("some actions: too many patterns to compare (comparisons_max)");
    }

private:
    void check_action(const Item& item) {
        const std::string_view text = item.text;
        if (text.contains("${"))
            return out_.add(check_of("VARIABLE_UNSUPPORTED_IN_ELEMENT"),
                            shown(text) + ": variables stand in Resource and Condition only.", item.place);
        if (text == "*") return;
        const size_t colon = text.find(':');
        const std::string_view service = text.substr(0, colon);
        if (has_wildcard(service)) {
            if (service != "*")
                out_.add(check_of("WILDCARD_IN_SERVICE_NAME"),
                         "A wildcard in the service prefix of " + shown(text) +
                             " may mean services that are not meant, or is refused.",
                         item.place);
            return;
        }
        if (base::equals_ignoring_case(service, own_service) || is_retired(base::lower(service))) return;
        if (colon == std::string_view::npos || !is_service(service))
            return out_.add(check_of("INVALID_SERVICE_IN_ACTION"),
                            "No service has the prefix of " + shown(text) + "." + meant(service, known_services()), item.place);
        if (!exists(text)) return out_.add(check_of("INVALID_ACTION"), no_action(text, service), item.place);
        if (document_.subject.is_bucket() && !is_of_buckets(text, service))
            out_.add(check_of("UNSUPPORTED_ACTION_IN_POLICY"),
                     "A bucket's policy is about the bucket and its objects, which " + shown(text) + " does not work on.",
                     item.place);
        if (document_.subject.type == PolicyType::resource_control && !policy::supports_resource_control(base::lower(service)))
            out_.add(check_of("RCP_SYNTAX_ERROR_ACTION"),
                     "Resource control policies do not apply to the service of " + shown(text) + ".", item.place);
    }

    static bool is_of_buckets(std::string_view text, std::string_view service) {
        return base::equals_ignoring_case(service, "s3") && (has_wildcard(text) || !policy::resource_formats(text).empty());
    }

    // Names an action that AWS's reference has. What the limit cuts off, does.
    bool exists(std::string_view pattern) {
        const std::string lower = base::lower(pattern);
        if (const auto known = exists_.find(lower); known != exists_.end()) return known->second;
        // How many names a pattern is compared with: those of its service, at most.
        const size_t cost = has_wildcard(lower) ? 100 : 1;
        if (work_ < cost) {
            work_ = 0;
            return true;
        }
        work_ -= cost;
        return exists_[lower] = !policy::actions_matching(lower).empty();
    }

    static std::string no_action(std::string_view text, std::string_view service) {
        const std::string out = "There is no action " + shown(text) + ".";
        if (has_wildcard(text)) return out;
        std::vector<std::string> known;
        for (const std::string_view action : policy::actions_matching(std::string(service) + ":*")) known.emplace_back(action);
        return out + meant(text, known);
    }

    void check_redundant(const Statement& statement) {
        std::vector<std::string> patterns;
        for (const Item& item : statement.actions.items) patterns.push_back(base::lower(item.text));
        for (const Covered& group : find_covered(patterns, work_)) {
            std::vector<Place> places{statement.actions.items[group.by].place};
            for (const size_t which : group.covered) places.push_back(statement.actions.items[which].place);
            std::string details = shown(statement.actions.items[group.by].text) + " covers ";
            details += group.covered.size() == 1 ? "another action" : std::to_string(group.covered.size()) + " other actions";
            details += " of this statement: remove " + shown(statement.actions.items[group.covered.front()].text);
            out_.add(check_of("REDUNDANT_ACTION"), details + (group.covered.size() == 1 ? "." : " and the others."),
                     std::move(places));
        }
    }

    const Document& document_;
    Collector& out_;
    size_t work_;
    std::map<std::string, bool, std::less<>> exists_;
};

}  // namespace

void check_actions(const Document& document, Collector& out) { Actions(document, out).check(); }

}  // namespace lint
