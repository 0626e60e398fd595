// The resource of actions that the Service Authorization Reference lists without resource types (SEMANTICS R44): they are decided
// on what the service passes, which AWS's refusals name: `… iam:ListUsers on resource: arn:aws:iam::111122223333:user/`.
#pragma once

#include <string>
#include <string_view>

namespace policy {

// What a service passes for `action` where `asked` was said, by a service or by someone who asks in advance. Actions with
// resource types, and those that the reference does not know, are decided on what was asked; so is a listing by path,
// `arn:aws:iam::111122223333:user/team/`. A log group is decided on as its stream without a name. Any case.
[[nodiscard]] std::string passed_resource(std::string_view action, std::string_view asked, std::string_view account,
                                          std::string_view region);

// May a request for it name a path, `arn:aws:iam::111122223333:user/team/`, on which it is then decided? Lower case.
[[nodiscard]] bool lists_by_path(std::string_view lower_action);

// Does this function return what was asked, whatever that is? Lower case; of an action with resource types.
[[nodiscard]] bool passes_as_asked(std::string_view lower_action);

// Is `action` decided on a resource that its requests name? Any case.
[[nodiscard]] bool names_resource(std::string_view action);

}  // namespace policy
