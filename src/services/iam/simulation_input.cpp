#include "services/iam/simulation_input.hpp"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/iam/service.hpp"
#include "model/words.hpp"
#include "policy/arn.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"

namespace services::iam {

namespace m = model::iam;

namespace {

constexpr std::string_view marker_prefix = "action ";
constexpr int32_t page_default = 100;

std::unexpected<base::Error> invalid(std::string message) { return base::fail(base::code::InvalidInput, std::move(message)); }

bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// ["+" | "-"] digits ["." digits] [("e" | "E") ["+" | "-"] digits]
bool is_number(std::string_view text) {
    const auto sign = [&] {
        if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    };
    const auto digits = [&] {
        const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(end);
        return end > 0;
    };
    sign();
    if (!digits()) return false;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (!digits()) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        sign();
        if (!digits()) return false;
    }
    return text.empty();
}

bool is_address(std::string_view text) {
    const size_t slash = text.find('/');
    const std::string address(text.substr(0, slash));
    unsigned char bytes[16];
    const bool v4 = inet_pton(AF_INET, address.c_str(), bytes) == 1;
    if (!v4 && inet_pton(AF_INET6, address.c_str(), bytes) != 1) return false;
    if (slash == std::string_view::npos) return true;
    const auto prefix = text.substr(slash + 1);
    int bits = 0;
    const auto [end, error] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), bits);
    return error == std::errc() && end == prefix.data() + prefix.size() && bits >= 0 && bits <= (v4 ? 32 : 128);
}

// Of a type, what each value is, and whether there may be several.
struct KeyType {
    std::string_view word;
    bool is_list = false;
};
KeyType type_of(m::ContextKeyTypeEnum type) {
    constexpr std::string_view several = "List";  // stringList, ipList, …
    KeyType out{.word = model::word_of(type)};
    out.is_list = out.word.ends_with(several);
    if (out.is_list) out.word.remove_suffix(several.size());
    return out;
}

// What a value of this type must look like; empty if it does. Any text may be a boolean, as in IAM.
std::string_view expected_format(std::string_view type, const std::string& value) {
    if (type == "numeric" && !is_number(value)) return "numeric format";
    if (type == "date" && !all_digits(value) && !text::parse_iso8601(value)) return "DateTime format";
    if (type == "ip" && !is_address(value)) return "IP address";
    if (type == "binary" && !text::decode_base64(value)) return "base-64 encoded binary format";
    return "";
}

base::Result<void> add_entry(const m::ContextEntry& entry, policy::Context& context) {
    if (!entry.context_key_name && !entry.context_key_type && !entry.context_key_values) return {};
    const std::string_view key = model::text(entry.context_key_name);
    if (key.empty()) return invalid("ContextKeyName cannot be null or empty.");
    if (!entry.context_key_type) return invalid(fmt::format("Context key {} has invalid type null.", key));
    const auto values = model::items(entry.context_key_values);
    if (values.empty()) return invalid(fmt::format("Context values for context key {} cannot be null or empty.", key));
    const KeyType type = type_of(*entry.context_key_type);
    if (!type.is_list && values.size() != 1)
        return invalid(fmt::format("Context key {} expected a single value, but received {}.", type.word, values.size()));
    for (const std::string& value : values) {
        if (const auto expected = expected_format(type.word, value); !expected.empty())
            return invalid(fmt::format("Invalid context value for key {}: expected {}.", key, expected));
    }
    if (context.find(key) != nullptr) return invalid(fmt::format("Duplicate context key: {}.", key));
    if (type.is_list)
        context.set_list(key, {values.begin(), values.end()});
    else
        context.set(key, values.front());
    return {};
}

base::Result<void> check_action(const std::string& action) {
    if (action.find(':') == std::string::npos) return invalid("The action is invalid since it is missing names");
    if (action.find_first_of("*?") != std::string::npos)
        return invalid(fmt::format("Wildcards are not supported in the action name {}.", action));
    return {};
}

base::Result<void> check_resource(const std::string& resource, bool alone) {
    const auto arn = policy::parse_arn(resource);
    const bool good = resource == "*" ? alone : arn && !arn->partition.empty() && !arn->service.empty() && !arn->resource.empty();
    if (!good) return invalid(fmt::format("ResourceNames are not in a valid ARN format: {}.", resource));
    return {};
}

// An ARN of the account, or its number: the reference says both.
base::Result<std::string> owner_of(const std::string& owner) {
    if (owner.empty() || (owner.size() == 12 && all_digits(owner))) return owner;
    const auto arn = policy::parse_arn(owner);
    if (!arn || arn->service != "iam" || arn->account.size() != 12 || !all_digits(arn->account))
        return invalid(fmt::format("'{}' is not a valid as a Resource Owner.", owner));
    return std::string(arn->account);
}

// What each scenario of ResourceHandlingOption needs; all of them are of ec2:RunInstances.
base::Result<void> check_scenario(const std::string& option, const SimulationInput& input) {
    static constexpr std::string_view store[] = {"instance", "image", "security-group", "network-interface"};
    const bool ebs = option.starts_with("EC2-VPC-EBS"), subnet = option.ends_with("-Subnet");
    if (option != std::string(ebs ? "EC2-VPC-EBS" : "EC2-VPC-InstanceStore") + (subnet ? "-Subnet" : ""))
        return invalid(fmt::format("Invalid input resource handling options: {}.", option));
    for (const std::string& action : input.actions) {
        if (base::lower(action) != "ec2:runinstances")
            return invalid(
                "Invalid input resource handling options. Action does not support resource handling options: " + action + ".");
    }
    std::vector<std::string_view> needed(std::begin(store), std::end(store));
    if (subnet) needed.push_back("subnet");
    if (ebs) needed.push_back("volume");
    for (const std::string_view type : needed) {
        const auto is_one = [&](const std::string& resource) {
            const auto arn = policy::parse_arn(resource);
            return arn && arn->service == "ec2" && arn->resource.starts_with(std::string(type) + "/");
        };
        if (std::ranges::none_of(input.resources, is_one))
            return invalid(fmt::format("Invalid input resource handling options. {} needs a resource of type {}.", option, type));
    }
    return {};
}

base::Result<void> read_resource_policy(const std::string& document, SimulationInput& out) {
    if (out.any_resource()) return invalid("Invalid Entity Arn: * does not clearly define entity type and name.");
    for (const std::string& action : out.actions) {
        for (const std::string& resource : out.resources) {
            const bool trust = is_about_trust(action, resource);
            policy::PolicyPtr& parsed = trust ? out.trust_policy : out.resource_policy;
            if (!parsed)
                parsed = TRY(
                    parse_input(document, trust ? policy::PolicyKind::trust : policy::PolicyKind::resource, "Resource policy"));
        }
    }
    return {};
}

base::Result<size_t> page_start(const std::optional<std::string>& given) {
    if (!given) return size_t{0};
    const auto marker = text::decode_base64(*given);
    size_t first = 0;
    if (marker && marker->starts_with(marker_prefix)) {
        const auto number = std::string_view(*marker).substr(marker_prefix.size());
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), first);
        if (error == std::errc() && end == number.data() + number.size()) return first;
    }
    return invalid("Invalid marker for pagination.");
}

}  // namespace

bool is_about_trust(std::string_view action, std::string_view resource) {
    return base::lower(action).starts_with("sts:") && resource.find(":role/") != std::string_view::npos;
}

base::Result<policy::PolicyPtr> parse_input(const std::string& document, policy::PolicyKind kind, const std::string& what) {
    auto parsed = policy::Policy::parse(document, kind);
    if (parsed) return std::move(*parsed);
    base::Error error(base::code::InvalidInput, what + " has invalid content");
    error.notes.push_back(parsed.error().message);
    std::ranges::copy(parsed.error().notes, std::back_inserter(error.notes));
    return base::fail(std::move(error));
}

std::string marker_of(size_t action) { return text::encode_base64(fmt::format("{}{}", marker_prefix, action)); }

base::Result<SimulationInput> read_simulation(const SimulationRequest& in) {
    SimulationInput out;
    out.actions.assign(in.actions.begin(), in.actions.end());
    for (const std::string& action : out.actions) TRY(check_action(action));
    out.resources.assign(in.resources.begin(), in.resources.end());
    if (out.resources.empty()) out.resources.emplace_back("*");
    for (const std::string& resource : out.resources) TRY(check_resource(resource, out.resources.size() == 1));
    if (in.resource_handling_option) TRY(check_scenario(*in.resource_handling_option, out));
    for (const auto& entry : in.context_entries) TRY(add_entry(entry, out.context));
    out.owner = TRY(owner_of(in.resource_owner.value_or("")));
    if (in.resource_policy) TRY(read_resource_policy(*in.resource_policy, out));
    out.first = std::min(TRY(page_start(in.marker)), out.actions.size());
    out.most = static_cast<size_t>(in.max_items.value_or(page_default));
    return out;
}

}  // namespace services::iam
