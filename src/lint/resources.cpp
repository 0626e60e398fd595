// Source: IAM User Guide, "IAM identifiers" (ARNs); Service Authorization Reference, the resource types of each service.
#include "lint/resources.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "lint/arn_formats.hpp"
#include "lint/words.hpp"

namespace lint {

namespace {

constexpr std::array<std::string_view, 8> partitions = {"aws",       "aws-cn",    "aws-us-gov", "aws-iso",
                                                        "aws-iso-b", "aws-iso-e", "aws-iso-f",  "aws-eusc"};
// What stands for an account in ARNs of what AWS itself owns.
constexpr std::array<std::string_view, 5> owners = {"aws", "aws-marketplace", "cloudfront", "offering", "third-party"};

bool is_open(std::string_view segment) { return has_wildcard(segment) || segment.contains("${"); }

bool is_account(std::string_view text) {
    return (text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) ||
           std::ranges::find(owners, text) != owners.end();
}

class Resources {
public:
    Resources(const Document& document, Collector& out) : document_(document), out_(out), work_(out.limits().comparisons_max) {}

    void check() {
        for (const Statement& statement : document_.statements) {
            for (const Item& item : statement.resources.items)
                if (item.text != "*") check_arn(item);
            check_redundant(statement);
        }
        if (work_ == 0) out_.unknown("some resources: too many patterns to compare (comparisons_max)");
    }

private:
    void check_arn(const Item& item) {
        const ArnSegments arn = segments_of(item.text);
        // A `*` runs past colons; a variable may hold some.
        if (arn.count < 6) {
            if (!is_open(item.text))
                out_.add(check_of("MISSING_ARN_FIELD"),
                         shown(item.text) + " has " + std::to_string(arn.count) +
                             " of the six segments arn:partition:service:region:account:resource.",
                         item.place);
            return;
        }
        if (arn.prefix != "arn")
            return is_open(arn.prefix) ? void()
                                       : out_.add(check_of("INVALID_ARN_PREFIX"),
                                                  "An ARN begins with `arn:`; this is " + shown(item.text) + ".", item.place);
        if (!is_open(arn.partition) && std::ranges::find(partitions, arn.partition) == partitions.end())
            out_.add(check_of("INVALID_PARTITION"),
                     "There is no partition " + shown(arn.partition) + "." +
                         meant(arn.partition, {partitions.begin(), partitions.end()}),
                     item.place);
        if (document_.subject.is_bucket() && !is_open(arn.service) && !arn.service.starts_with("s3") && is_service(arn.service))
            return out_.add(check_of("UNSUPPORTED_RESOURCE_ARN_IN_POLICY"),
                            "A bucket's policy is about the bucket and its objects, not " + shown(item.text) + ".", item.place);
        if (is_open(arn.service) || arn.service == own_service) return;
        if (arn.service != base::lower(arn.service) && is_service(arn.service))
            return out_.add(check_of("INVALID_ARN_SERVICE_CASE"),
                            "The service of an ARN is in lower case: `" + base::lower(arn.service) + "`.", item.place);
        const auto& formats = formats_of_service(arn.service);
        if (formats.empty()) {
            if (!is_service(arn.service))
                out_.add(check_of("INVALID_SERVICE"),
                         "There is no service " + shown(arn.service) + "." + meant(arn.service, known_services()), item.place);
            return;
        }
        check_parts(item, arn, formats);
    }

    // Region, account and resource against the formats that the service's ARNs have.
    void check_parts(const Item& item, const ArnSegments& arn, const std::vector<std::string_view>& formats) {
        constexpr size_t compared_max = 2048;  // of a resource part: longer than any ARN
        if (arn.resource.size() > compared_max || work_ < formats.size()) return;
        work_ -= formats.size();
        if (!is_open(arn.account) && !arn.account.empty() && !is_account(arn.account))
            out_.add(check_of("INVALID_ARN_ACCOUNT"), shown(arn.account) + " is no account: 12 digits.", item.place);
        if (!is_open(arn.region) && !arn.region.empty() && !is_region(arn.region))
            out_.add(check_of("INVALID_ARN_REGION"), shown(arn.region) + " is no region, such as us-east-1.", item.place);
        std::vector<ArnSegments> fitting;
        for (const std::string_view format : formats)
            if (const auto wanted = segments_of(format); can_meet(arn.resource, wanted.resource)) fitting.push_back(wanted);
        if (fitting.empty()) {
            // Elsewhere services have ARNs that the reference does not list.
            if (!knows_every_arn(arn.service)) return;
            return out_.add(check_of("INVALID_ARN_RESOURCE"),
                            "No resource of " + std::string(arn.service) + " has an ARN that ends like " + shown(arn.resource) +
                                "; " + expected(formats) + ".",
                            item.place);
        }
        const auto none = [&](auto segment) {
            return std::ranges::none_of(fitting,
                                        [&](const ArnSegments& wanted) { return can_meet(arn.*segment, wanted.*segment); });
        };
        const std::string service(arn.service);
        if (none(&ArnSegments::region))
            return arn.region.empty() ? out_.add(check_of("MISSING_ARN_REGION"),
                                                 "ARNs of this kind of " + service + " have a region.", item.place)
                                      : out_.add(check_of("ARN_REGION_NOT_ALLOWED"),
                                                 "ARNs of this kind of " + service + " have no region: nothing matches " +
                                                     shown(arn.region) + ".",
                                                 item.place);
        if (!none(&ArnSegments::account)) return;
        if (!arn.account.empty() || knows_every_arn(arn.service) || arn.service == "sagemaker")
            arn.account.empty()
                ? out_.add(check_of("MISSING_ARN_ACCOUNT"), "ARNs of this kind of " + service + " have an account.", item.place)
                : out_.add(check_of("ARN_ACCOUNT_NOT_ALLOWED"),
                           "ARNs of this kind of " + service + " have no account: nothing matches " + shown(arn.account) + ".",
                           item.place);
    }

    static bool knows_every_arn(std::string_view service) { return service == "iam" || service == "s3" || service == "sts"; }

    static std::string expected(const std::vector<std::string_view>& formats) {
        constexpr size_t named_max = 4;
        std::string out = "they are ";
        for (size_t i = 0; i < std::min(formats.size(), named_max); ++i) out += (i == 0 ? "" : ", ") + std::string(formats[i]);
        return formats.size() > named_max ? out + " and others" : out;
    }

    void check_redundant(const Statement& statement) {
        const auto& items = statement.resources.items;
        std::vector<std::string> patterns;
        for (const Item& item : items) patterns.emplace_back(item.text);
        for (const Covered& group : find_covered(patterns, work_, arn_covers)) {
            std::vector<Place> places{items[group.by].place};
            for (const size_t which : group.covered) places.push_back(items[which].place);
            std::string details = shown(items[group.by].text) + " covers ";
            details += group.covered.size() == 1 ? "another resource" : std::to_string(group.covered.size()) + " other resources";
            details += " of this statement: remove " + shown(items[group.covered.front()].text);
            out_.add(check_of("REDUNDANT_RESOURCE"), details + (group.covered.size() == 1 ? "." : " and the others."),
                     std::move(places));
        }
    }

    const Document& document_;
    Collector& out_;
    size_t work_;
};

}  // namespace

bool is_region(std::string_view text) {
    const auto parts = base::split(text, '-');
    const auto letters = [](std::string_view part) {
        return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= 'a' && c <= 'z'; });
    };
    const auto digits = [](std::string_view part) {
        return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    };
    return parts.size() >= 3 && digits(parts.back()) && std::ranges::all_of(parts.begin(), parts.end() - 1, letters);
}

void check_resources(const Document& document, Collector& out) { Resources(document, out).check(); }

}  // namespace lint
