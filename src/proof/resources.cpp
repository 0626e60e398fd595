#include "proof/resources.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/passed_resource.hpp"
#include "policy/vocabulary.hpp"

namespace proof {

namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

void add_something(Tokens& tokens, Characters set) {
    add_wildcard(tokens, Token::Kind::one, set);
    add_wildcard(tokens, Token::Kind::star, set);
}

// What an ARN format's variable part may hold.
void add_variable(Tokens& tokens, std::string_view name, bool is_iam) {
    if (name == "BucketName") {
        add_wildcard(tokens, Token::Kind::one, Characters::edge);
        add_wildcard(tokens, Token::Kind::one, Characters::bucket);
        add_wildcard(tokens, Token::Kind::star, Characters::bucket);
        add_wildcard(tokens, Token::Kind::one, Characters::edge);
    } else if (name == "Account") {
        for (int i = 0; i < 12; ++i) add_wildcard(tokens, Token::Kind::one, Characters::digit);
    } else {
        add_something(tokens, is_iam ? Characters::path : Characters::all);
    }
}

Tokens format_tokens(std::string format, const ResourceOwner& owner) {
    replace_all(format, "${Partition}", owner.partition);
    replace_all(format, "${Region}", owner.region);
    if (!owner.account.empty()) replace_all(format, "${Account}", owner.account);
    const bool is_iam = format.contains(":iam:");
    Tokens out;
    for (size_t at = 0; at < format.size();) {
        const size_t begin = std::min(format.find("${", at), format.size());
        add_literal(out, std::string_view(format).substr(at, begin - at));
        if (begin == format.size()) break;
        const size_t end = std::min(format.find('}', begin), format.size());
        add_variable(out, std::string_view(format).substr(begin + 2, end - begin - 2), is_iam);
        at = end + 1;
    }
    return out;
}

}  // namespace

std::vector<Tokens> resources_of(std::string_view action, const ResourceOwner& owner) {
    std::vector<Tokens> out;
    if (!policy::names_resource(action)) {
        const std::string passed = policy::passed_resource(action, "*", owner.account, owner.region);
        add_literal(out.emplace_back(), passed);
        if (!policy::lists_by_path(base::lower(action))) return out;
        add_literal(out.emplace_back(), passed);
        add_something(out.back(), Characters::path);
        add_literal(out.back(), "/");
        return out;
    }
    for (const auto format : policy::resource_formats(action)) {
        out.push_back(format_tokens(policy::passed_resource(action, format, owner.account, owner.region), owner));
        if (!format.contains(":iam::${Account}:policy/")) continue;  // AWS's own, which every account has
        auto of_aws = owner;
        of_aws.account = "aws";
        out.push_back(format_tokens(std::string(format), of_aws));
    }
    return out;
}

}  // namespace proof
