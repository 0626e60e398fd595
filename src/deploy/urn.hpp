// The name of a resource in a stack: urn:pulumi:STACK::PROJECT::PARENT_TYPE$TYPE::NAME.
// Parents' types are joined by `$`; the stack's own type is left out. A NAME may itself hold `::`.
#pragma once

#include <string>
#include <string_view>

namespace deploy {

constexpr std::string_view stack_type = "pulumi:pulumi:Stack";

[[nodiscard]] std::string make_urn(std::string_view stack, std::string_view project, std::string_view parent_urn,
                                   std::string_view type, std::string_view name);

// The parts of a URN, "" when it is not one.
[[nodiscard]] std::string_view urn_qualified_type(std::string_view urn);  // a:b:C$d:e:F
[[nodiscard]] std::string_view urn_type(std::string_view urn);            // d:e:F
[[nodiscard]] std::string_view urn_name(std::string_view urn);
[[nodiscard]] std::string_view urn_stack(std::string_view urn);
[[nodiscard]] std::string_view urn_project(std::string_view urn);

// `aws` of aws:s3/bucket:Bucket; of pulumi:providers:aws too.
[[nodiscard]] std::string_view package_of(std::string_view type);
[[nodiscard]] bool is_provider_type(std::string_view type);

// `<urn>::<id>` of a provider reference.
struct ProviderReference {
    std::string urn, id;
};
[[nodiscard]] ProviderReference parse_provider_reference(std::string_view reference);

}  // namespace deploy
