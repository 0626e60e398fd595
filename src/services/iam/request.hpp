// What IAM's operations have in common: whose entities they are about, which user, and how tags and documents travel.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gate/operation.hpp"
#include "identity/directory.hpp"
#include "identity/iam.hpp"
#include "model/iam/shared.hpp"
#include "services/iam/operations.hpp"

namespace services::iam {

namespace m = model::iam;
using base::Result;
using gate::operation;
using gate::Permit;
using gate::RequestOrigin;
using gate::RequiredAccesses;
using model::Nothing;

struct Iam {
    identity::Directory& directory;
    SimulatorDependencies simulator;
    ReportDependencies reports;
    [[nodiscard]] identity::Iam& entities() const { return directory.iam(); }
    identity::Iam* operator->() const { return &directory.iam(); }
};

using Rows = std::span<const gate::OperationDeclaration<Iam>>;

// The answer of an operation that only does something.
[[nodiscard]] Result<Nothing> done(Result<void> outcome);

// The user that a call is about: the one it names, or the caller if it is a user; empty for root. Error `ValidationError` for a
// role session.
[[nodiscard]] Result<std::string> user_name(const identity::Caller& caller, const std::optional<std::string>& named);

[[nodiscard]] identity::Tags tags_of(std::span<const m::Tag> tags);

// Policy documents travel percent-encoded (RFC 3986), as IAM sends them.
[[nodiscard]] std::string encode_document(std::string_view document);

// The accesses of UpdateUser and UpdateGroup. Renaming needs permission on both (IAM User Guide, "Rename an IAM user"), or any user
// who may rename could step into a policy that is written for a name. `arn`: of the user or group, by its name.
[[nodiscard]] Result<RequiredAccesses<>> renaming_needs(const RequestOrigin& asking, model::ActionName action,
                                                        const std::string& arn, const std::optional<std::string>& new_path,
                                                        const std::optional<std::string>& new_name);

// The operations of each file.
[[nodiscard]] Rows role_operations();
[[nodiscard]] Rows user_operations();
[[nodiscard]] Rows group_operations();
[[nodiscard]] Rows holder_operations();
[[nodiscard]] Rows policy_operations();
[[nodiscard]] Rows access_key_operations();
[[nodiscard]] Rows account_operations();
[[nodiscard]] Rows not_configured_operations();
[[nodiscard]] Rows last_accessed_operations();
[[nodiscard]] Rows simulation_operations();

}  // namespace services::iam
