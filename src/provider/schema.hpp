// What a resource type is: its properties, declared, and what is done about them.
//
// A type is a table entry wherever an engine serves its kind (bucket_setting.hpp, iam_entity.hpp): its properties, the operations, the
// member of each property. Those that need code (iam_role.cpp, s3_bucket.cpp, s3_object.cpp) bring functions. What holds for all types
// lives once, in schema.cpp and comparison.cpp (inputs: normalised, defaulted, compared) and aws_provider.cpp (the life of a resource).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.hpp"
#include "provider/aws.hpp"
#include "provider/provider.hpp"

namespace provider {

enum class Shape : uint8_t {
    text,
    flag,
    number,
    texts,     // a list of strings whose order means nothing
    labels,    // strings by string: tags, metadata
    block,     // an object
    blocks,    // a list of objects
    document,  // a policy: text, or an object that becomes text
    asset,
};

struct Rule {
    std::string name;
    Shape shape = Shape::text;
    bool required = false;
    bool replaces = false;                                     // a change makes a new resource
    bool computed = false;                                     // what the service chose stays when the program stops saying
    bool local = false;                                        // lives in the program and the state; the service does not know it
    Property fallback;                                         // what the service assumes when nothing is said
    std::vector<std::string> choices;                          // of a text; empty: any
    std::vector<Rule> members;                                 // of a block
    policy::PolicyKind policy = policy::PolicyKind::identity;  // of a document
    // Where it stands in the operation's input and answer: a member, or a path in S3's documents (s3_document.hpp).
    std::string member = {};
    std::string header = {};  // it travels as a header of S3's requests instead
    bool unordered = false;   // blocks whose order means nothing
    bool moment = false;      // a text that is a date: `2026-01-01` is `2026-01-01T00:00:00.000Z`
    bool presence = false;    // a flag: its element is there or not
    std::pair<std::string, std::string> words = {"false", "true"};  // of a flag, in S3's documents
    std::string unless = {};                    // its fallback is sent where it is not said, unless this sibling is
    std::string twin = {};                      // the same thing under another name, in another version of pulumi_aws
    std::vector<std::string> at_most_one = {};  // of a block's members
    std::string refused = {};                   // a property of pulumi_aws that is refused, and what to do instead
};

// How a resource that the program does not name gets its name: `<logical name>-<7 hex digits>`, as Pulumi does.
struct NameRule {
    enum class Style : uint8_t { iam, bucket, exact };  // exact: the logical name as it is (object keys)
    std::string property;
    std::string prefix;  // the property that gives a prefix (`namePrefix`); empty if the type has none
    size_t longest = 0;
    Style style = Style::iam;
};

struct ResourceType {
    std::vector<std::string> tokens;
    std::vector<Rule> rules;
    std::optional<NameRule> name = {};
    std::vector<std::string> at_most_one = {};         // of these properties
    std::vector<std::string> one_of = {};              // of these properties: exactly one
    std::vector<std::string> operations = {};          // of AWS's API, that its life needs
    std::vector<std::string> computed = {};            // outputs that are no inputs
    std::vector<std::string> computed_by_update = {};  // of those, what an update changes
    std::vector<std::string> secrets_shown_once = {};  // of those, what AWS tells only when it is made
    bool delete_before_replace = false;
    bool unique_name = false;  // creating it fails where there is one of its name, in whatever case
    // Calls about one role or bucket are made one after the other: the kind, and the property that names it.
    std::string serialised_kind, serialised_by = {};

    // The id that the inputs give, before anything is made: how a deployment finds what a crashed one may have made. Null: only
    // AWS knows. REQUIRES: no unknowns in the inputs. The outputs are what `predict` made of them.
    std::function<std::string(const Property& inputs, const Property& outputs)> id = {};
    // What else the resource holds, beside the thing itself: settings that could as well be resources of their own, by
    // `held_thing`. Sees plain values.
    std::function<void(const Property& properties, std::vector<std::string>& things)> declares = {};
    // Judges inputs across properties. Sees plain values, unknowns among them.
    std::function<void(const Property& inputs, std::vector<CheckFailure>& failures)> check = {};
    // The outputs that are certain before the call: ARNs made of names.
    std::function<void(Aws& aws, const Property& inputs, Property& outputs)> predict = {};
    // `outputs` of the State: only what `read` will not tell. All functions see inputs without secrets and `__defaults`.
    std::function<base::Result<State>(Aws& aws, const Property& inputs)> create = {};
    // `known`: the outputs in the state, or the inputs; null to import, then the id alone must do.
    std::function<base::Result<std::optional<Property>>(Aws& aws, const std::string& id, const Property& known)> read = {};
    std::function<base::Result<void>(Aws& aws, const std::string& id, const Property& olds, const Property& news)> update = {};
    // An update that tells outputs as `create` does; in place of `update`.
    std::function<base::Result<Property>(Aws& aws, const std::string& id, const Property& olds, const Property& news)> renew = {};
    std::function<base::Result<void>(Aws& aws, const std::string& id, const Property& olds)> remove = {};
};

// What a resource of this type and id is, as a text. `type`: its first token.
[[nodiscard]] std::string held_thing(std::string_view type, std::string_view id);

// Every type of the provider, in the order of the files that declare them.
[[nodiscard]] const std::vector<ResourceType>& resource_types();
[[nodiscard]] std::vector<ResourceType> iam_role_types();
[[nodiscard]] std::vector<ResourceType> iam_user_types();
[[nodiscard]] std::vector<ResourceType> iam_policy_types();
[[nodiscard]] std::vector<ResourceType> iam_attached_policy_types();
[[nodiscard]] std::vector<ResourceType> s3_bucket_types();
[[nodiscard]] std::vector<ResourceType> s3_bucket_settings_types();
[[nodiscard]] std::vector<ResourceType> s3_object_types();
[[nodiscard]] std::vector<ResourceType> s3_object_copy_types();

// The inputs as the type takes them: kinds converted, documents as text, automatic name and defaults filled in and recorded
// in `__defaults`, as Pulumi's own provider does, so that states can be exchanged.
struct CheckOptions {
    bool strict_names = false;
    bool judge_policies = true;  // by our own parser: right for our own server; what AWS itself takes, AWS judges
};
[[nodiscard]] Checked check_inputs(const ResourceType& type, std::string_view token, std::string_view logical_name,
                                   const Property& olds, const Property& news, std::string_view random_hex, CheckOptions options);
// The old inputs, to compare new ones with. A state that was not written by a provider of our kind has no `__defaults` and may
// lack what the service or an engine chose (an automatic name): that stands in its outputs.
[[nodiscard]] Property inputs_in_full(const ResourceType& type, const Property& old_inputs, const Property& old_outputs,
                                      const Property& news);
[[nodiscard]] Difference compare_inputs(const ResourceType& type, const Property& olds, const Property& news);
// Do both values mean the same to the service? Absent, empty and default are one; so are two orders where order means nothing.
[[nodiscard]] bool same_value(const Rule& rule, const Property& a, const Property& b);
// Does any of the named properties differ? For `update`.
[[nodiscard]] bool differs(const ResourceType& type, const Property& olds, const Property& news,
                           std::initializer_list<std::string_view> names);

// Without `__defaults` at any level, secrets unwrapped.
[[nodiscard]] Property plain(const Property& inputs);
// The service's view `live` in the words of what is known: a document or list that means the same keeps its text, local
// properties are carried over.
[[nodiscard]] Property settle_outputs(const ResourceType& type, Property live, const Property& known);
// The inputs that a program would have to say to get `outputs`; `olds` as the state has them (null to import).
[[nodiscard]] Property inputs_from_outputs(const ResourceType& type, const Property& olds, const Property& outputs);

}  // namespace provider
