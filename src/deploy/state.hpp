// What a stack consists of: its resources as they last were, and the operations that were under way when we last heard.
//
// The file format is Pulumi's checkpoint, version 3 (`DeploymentV3` in Pulumi's words), so that a stack can move between the two
// tools. Invariants of a snapshot: a provider stands before its users, a parent before its children, a dependency before its
// dependents; at most one live resource a URN (others are marked for deletion); only custom resources have an id.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "deploy/secrets.hpp"
#include "provider/property.hpp"
#include "text/json.hpp"

namespace deploy {

struct Resource {
    std::string urn, type, id, parent, provider;
    bool custom = false;
    bool doomed = false;    // `delete`: replaced, waits for its deletion
    bool external = false;  // read, not managed
    bool protect = false;
    bool retain_on_delete = false;
    provider::Property inputs, outputs;  // objects; secrets as secrets
    std::vector<std::string> dependencies;
    std::map<std::string, std::vector<std::string>> property_dependencies;
    std::vector<std::string> additional_secret_outputs, ignore_changes, replace_on_changes;
    std::string deleted_with, import_id, created, modified, source_position;
    text::Json others;  // members of the file that we carry and do not read

    // Everything it needs to exist: dependencies, parent, provider, deletedWith.
    [[nodiscard]] std::vector<std::string> needs() const;
};

using ResourcePtr = std::shared_ptr<const Resource>;

struct PendingOperation {
    std::string kind;  // creating, updating, deleting, reading, importing
    Resource resource;
};

struct Snapshot {
    std::vector<ResourcePtr> resources;
    std::vector<PendingOperation> pending;

    [[nodiscard]] ResourcePtr find(const std::string& urn) const;  // the live one, or null
    // The outputs of the stack itself, an object.
    [[nodiscard]] provider::Property stack_outputs() const;
};

// Breaks an invariant above? The error names the resource.
[[nodiscard]] base::Result<void> verify(const Snapshot& snapshot);

// {"manifest":…,"secrets_providers":…,"resources":[…],"pending_operations":[…]} and back.
[[nodiscard]] base::Result<text::Json> write_deployment(const Snapshot& snapshot, Secrets& secrets, base::Time now);
[[nodiscard]] base::Result<Snapshot> read_deployment(const text::Json& deployment, Secrets& secrets);
// The salt of the passphrase provider, "" if the deployment has none.
[[nodiscard]] std::string read_salt_state(const text::Json& deployment);
// An export with its secrets in clear (`pulumi stack export --show-secrets`).
[[nodiscard]] bool holds_plaintext_secrets(const text::Json& deployment);
// A checkpoint or an export has a `version`, 3 or 4; 4 lists the `features` that its reader must know. `where` names it in
// errors.
[[nodiscard]] base::Result<void> check_format(const text::Json& document, const std::string& where);
void set_format(text::Json& document, const text::Json& deployment);

// For a display or a program: secrets as `[secret]` or, when shown, as they are; unknown values as `[unknown]`.
[[nodiscard]] text::Json to_plain_json(const provider::Property& value, bool show_secrets);

}  // namespace deploy
