// A provider of resource types, as the deployment engine sees it (after Pulumi's provider protocol, in process).
// Property values are deploy-neutral: provider/property.hpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "provider/property.hpp"

namespace provider {

struct CheckFailure {
    std::string property;  // path: `tags.Name`; empty: the resource as a whole
    std::string reason;
};

struct Checked {
    Property inputs;                     // normalised, defaults and automatic names filled in
    std::vector<CheckFailure> failures;  // not empty: the inputs are bad
};

struct Difference {
    std::vector<std::string> changed;    // top-level input properties that differ
    std::vector<std::string> replace;    // those of them that cannot change in place
    bool delete_before_replace = false;  // if it is replaced, for whatever reason, the old one must go first
    [[nodiscard]] bool any() const { return !changed.empty(); }
};

struct State {
    std::string id;
    Property outputs;  // an object
};

struct ReadState {
    std::string id;
    Property inputs;
    Property outputs;
};

class Provider {
public:
    virtual ~Provider() = default;
    // Can it work at all: is the endpoint there, are the credentials right? Asked once, before anything else.
    [[nodiscard]] virtual base::Result<void> ready() { return {}; }
    // Does this provider know the type token (`aws:iam/role:Role`)?
    [[nodiscard]] virtual bool knows(std::string_view type) const = 0;
    // `olds` null when created. `random_hex`: 7 hex digits for an automatic name. Unknown properties are failures.
    [[nodiscard]] virtual base::Result<Checked> check(std::string_view type, std::string_view name, const Property& olds,
                                                      const Property& news, std::string_view random_hex) = 0;
    [[nodiscard]] virtual base::Result<Difference> diff(std::string_view type, const std::string& id, const Property& old_inputs,
                                                        const Property& old_outputs, const Property& new_inputs) = 0;
    // `preview`: touch nothing; outputs that only the real call knows are Property::unknown().
    [[nodiscard]] virtual base::Result<State> create(std::string_view type, const Property& inputs, bool preview) = 0;
    [[nodiscard]] virtual base::Result<State> update(std::string_view type, const std::string& id, const Property& old_outputs,
                                                     const Property& new_inputs, bool preview) = 0;
    // nullopt: it is gone. `inputs` and `outputs` as the state holds them (null to import): what cannot be read back, such as the
    // secret of an access key, is taken from there.
    [[nodiscard]] virtual base::Result<std::optional<ReadState>> read(std::string_view type, const std::string& id,
                                                                      const Property& inputs, const Property& outputs) = 0;
    [[nodiscard]] virtual base::Result<void> remove(std::string_view type, const std::string& id, const Property& outputs) = 0;
    // What the resource holds in the world: what `remove` would take away first, then what else it declares. Two resources, of
    // whatever provider and type, give the same text only for the same thing. Nothing where the properties do not say yet.
    [[nodiscard]] virtual base::Result<std::vector<std::string>> holds(std::string_view type, const std::string& id,
                                                                       const Property& properties) = 0;
    // What nothing else may be called when it is made: two resources give the same text where the second cannot be created beside
    // the first (two roles of one name). Empty for what is written over (a bucket's policy), and where the name is not known yet.
    [[nodiscard]] virtual base::Result<std::string> unique_name(std::string_view type, const Property& properties) = 0;
    [[nodiscard]] virtual base::Result<Property> invoke(std::string_view token, const Property& arguments) = 0;
};

// The `aws` provider. Configuration: region, endpoint (`AWS_ENDPOINT_URL`), credentials (as any AWS SDK finds them).
struct AwsOptions {
    std::string endpoint;  // empty: AWS itself
    std::string region;
    std::string access_key_id, secret_access_key, session_token;
    std::string socket = {};       // of wire::ClientOptions
    bool strict_names = false;     // Pulumi's automatic bucket names, underscores and all
    bool skip_validation = false;  // `skipCredentialsValidation`: do not ask who we are first
};
[[nodiscard]] std::unique_ptr<Provider> make_aws_provider(AwsOptions options);

}  // namespace provider
