#include "provider/functions.hpp"

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "provider/schema.hpp"

namespace provider {

using base::fail;
using base::Result;

namespace {

// AWS General Reference, "Regions": what getRegion calls `description`.
std::string region_description(const std::string& region) {
    static constexpr std::array<std::pair<const char*, const char*>, 17> names = {{
        {"us-east-1", "US East (N. Virginia)"},
        {"us-east-2", "US East (Ohio)"},
        {"us-west-1", "US West (N. California)"},
        {"us-west-2", "US West (Oregon)"},
        {"ca-central-1", "Canada (Central)"},
        {"eu-central-1", "Europe (Frankfurt)"},
        {"eu-west-1", "Europe (Ireland)"},
        {"eu-west-2", "Europe (London)"},
        {"eu-west-3", "Europe (Paris)"},
        {"eu-north-1", "Europe (Stockholm)"},
        {"ap-south-1", "Asia Pacific (Mumbai)"},
        {"ap-northeast-1", "Asia Pacific (Tokyo)"},
        {"ap-northeast-2", "Asia Pacific (Seoul)"},
        {"ap-southeast-1", "Asia Pacific (Singapore)"},
        {"ap-southeast-2", "Asia Pacific (Sydney)"},
        {"sa-east-1", "South America (Sao Paulo)"},
        {"us-gov-west-1", "AWS GovCloud (US-West)"},
    }};
    const auto found = std::ranges::find_if(names, [&](const auto& name) { return region == name.first; });
    return found == names.end() ? region : found->second;
}

Result<Property> caller_identity(Aws& aws, const Property&) {
    const text::Json identity = TRY(aws.sts("GetCallerIdentity", text::Json::object()));
    const std::string& account = identity["Account"].as_string();
    return Property(Property::Object{{"accountId", account},
                                     {"arn", identity["Arn"].as_string()},
                                     {"id", account},
                                     {"userId", identity["UserId"].as_string()}});
}

Result<Property> region(Aws& aws, const Property& arguments) {
    std::string name = aws.region();
    for (const char* asked : {"region", "name"})
        if (!arguments[asked].as_string().empty()) name = arguments[asked].as_string();
    return Property(Property::Object{{"description", region_description(name)},
                                     {"endpoint", "ec2." + name + "." + aws.dns_suffix()},
                                     {"id", name},
                                     {"name", name},
                                     {"region", name}});
}

Result<Property> partition(Aws& aws, const Property&) {
    const std::string name = aws.partition();
    return Property(Property::Object{{"dnsSuffix", aws.dns_suffix()},
                                     {"id", name},
                                     {"partition", name},
                                     {"reverseDnsPrefix", name == "aws-cn" ? "cn.com.amazonaws" : "com.amazonaws"}});
}

// `not_principals` as `notPrincipals`: Python programs write plain dictionaries in Python's style, and nothing between them and a
// provider knows which names are meant.
std::string in_camel_case(std::string_view name) {
    std::string result;
    for (size_t i = 0; i < name.size(); ++i) {
        const bool joins = name[i] == '_' && i > 0 && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z';
        result += joins ? static_cast<char>(name[++i] - 'a' + 'A') : name[i];
    }
    return result;
}

Result<Property> with_camel_case_names(const Property& value) {
    Property result = value;
    for (Property& item : result.items()) item = TRY(with_camel_case_names(item));
    if (!value.is(Property::Kind::object)) return result;
    result.members().clear();
    for (const auto& [key, member] : value.members()) {
        if (member.is(Property::Kind::null)) continue;
        std::string name = in_camel_case(key);
        if (result.contains(name)) return fail(base::code::InvalidParameter, "`" + name + "` is given twice, in two spellings");
        result.set(name, TRY(with_camel_case_names(member)));
    }
    return result;
}

}  // namespace

const std::vector<Function>& functions() {
    static const std::vector<Function> all = [] {
        std::vector<Function> list = {
            {"aws:index/getCallerIdentity:getCallerIdentity", {"id"}, {}, caller_identity},
            {"aws:index/getRegion:getRegion", {"endpoint", "id", "name", "region"}, {}, region},
            {"aws:index/getPartition:getPartition", {"id"}, {}, partition},
            {"aws:iam/getPolicyDocument:getPolicyDocument",
             {"overrideJson", "overridePolicyDocuments", "policyId", "sourceJson", "sourcePolicyDocuments", "statements",
              "version"},
             {},
             [](Aws&, const Property& given) { return policy_document(given); }},
        };
        std::ranges::move(s3_functions(), std::back_inserter(list));
        return list;
    }();
    return all;
}

Result<Property> invoke_function(Aws& aws, std::string_view token, const Property& arguments) {
    const auto function = std::ranges::find_if(functions(), [&](const Function& known) { return token == known.token; });
    if (function == functions().end())
        return fail("unsupported", "unsupported: this provider has no function `" + std::string(token) + "`");
    const Property given = TRY(with_camel_case_names(plain(arguments)));
    for (const auto& [name, value] : given.members())
        if (std::ranges::find(function->arguments, name) == function->arguments.end() && !value.is(Property::Kind::null))
            return fail("unsupported", "unsupported: " + std::string(token) + " takes no argument `" + name + "` here");
    for (const std::string_view name : function->required)
        if (!given.contains(name))
            return fail(base::code::InvalidParameter,
                        "missing required argument `" + std::string(name) + "` of " + std::string(token));
    if (given.has_unknowns()) return Property::unknown();
    return function->run(aws, given);
}

}  // namespace provider
